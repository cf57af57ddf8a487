// malloc/thread.h - threads that begin and end, and processes that fork.
#pragma once

namespace strata::alloc {

/// Called by each thread when it first allocates: has its cache given back when it ends. A
/// program's first thread needs nothing of the kind, so a program of one thread pays for none of
/// it.
void note_thread();

/// Has locks taken while the process forks; called once.
void watch_forks();

}  // namespace strata::alloc
