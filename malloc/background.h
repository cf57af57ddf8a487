// malloc/background.h - a thread that gives memory back while the program makes no calls.
//
//     much was freed ──▶ started ──▶ decays every period, and once an arena rests its spans'
//                                    free pages go ──▶ ends when nothing is left to do
//
// A program that never frees much never has it. It takes 64 KiB of stack, receives no signal, and
// is not there in a child that was forked; STRATA_MALLOC=background:0 forbids it.
//
// Threads any number at once.
#pragma once

namespace strata::alloc {

/// Called without locks, where much was freed: starts it, if it does not run; whether one does.
bool start_background();
/// Whether one does; it calls decay() twice a second.
bool background_runs();
/// In a child that was forked.
void forget_background();

}  // namespace strata::alloc
