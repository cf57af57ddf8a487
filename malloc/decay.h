// malloc/decay.h - memory that is free goes back to the kernel, but not what is about to be used.
//
// Twice a second (decay), what stayed free for the last four is given back. What a program needs
// again soon it finds with its pages; the rest is gone within seconds.
//
// Threads any number at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::alloc {

/// Milliseconds from one decay() to the next; 0 where there shall be none.
std::uint64_t decay_period();
/// Called without locks where memory was freed.
void decay_if_due();
/// Called without a zone's or the page heap's lock where memory is taken that has no pages yet:
/// gives back as much that is free elsewhere, so that what one kind of blocks has left does not
/// stand beside what another needs. Runs that fit no run that is asked for are kept for others.
enum class For { kBlocks, kRuns };
void trade(std::size_t bytes, For use);
/// Where the kernel refuses more: gives back all that is free, address space too.
[[gnu::cold]] void retreat();
/// One step of it, whatever the time. Locks are held for moments.
void decay();
/// Free units and runs whose memory is still there.
std::size_t dirty_bytes();
/// Gives back all that can be: free units and runs, and free pages in spans that live on; the
/// bytes.
std::size_t purge_everything();

}  // namespace strata::alloc
