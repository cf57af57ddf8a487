// inspect/object/missing_stacks.h - stacks that a core has room for and does not hold.
//
// gdb's gcore writes a mapping a mebibyte at a time, and gives the rest of it up at the first page
// that it cannot read (gdb 13): the file has a hole there, which reads as zeros. The guards of
// glibc 2.43 and later are such pages, below each stack and within its mapping, so all of it is
// missing:
//
//     mapping   [ guard | stack of A ][ guard | stack of B ]      neighbours merge
//     core      [ 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 ]     MemSiz = FileSiz
//
// A stack that is there has a return address above its pointer, and the thread's control block,
// where that lies in the same mapping, leads to itself.
//
// Cost    4 KiB are read of a stack that is there, 16 KiB of one that is not.
// Threads one at a time.
#pragma once

#include <optional>
#include <string>

#include "inspect/space/space.h"

namespace strata {

/// A sentence that names them; nothing where none is missing, or no thread has a stack pointer.
std::optional<std::string> tell_of_missing_stacks(const Target& core, const Space& space);

}  // namespace strata
