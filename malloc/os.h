// malloc/os.h - all that the allocator asks of the kernel.
// Errors  false or null; errno stays as it was, for malloc() must not touch it where it succeeds.
// Threads any number at once.
#pragma once

#include <time.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace strata::alloc::os {

// The largest that a kernel's pages may be: what is mapped, and units and runs, are multiples of
// it. On aarch64 they have 4, 16 or 64 KiB.
#if defined(STRATA_MALLOC_PAGE_KIB)
inline constexpr std::size_t kPage = std::size_t{STRATA_MALLOC_PAGE_KIB} << 10;
#elif defined(__aarch64__)
inline constexpr std::size_t kPage = std::size_t{64} << 10;
#else
inline constexpr std::size_t kPage = 4096;
#endif
static_assert((kPage & (kPage - 1)) == 0 && kPage >= 4096 && kPage <= std::size_t{64} << 10);
inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// Asks for this kernel's page, before all else. Ends the program where it is larger than kPage:
/// nothing could be mapped, and what is given back would take its neighbours along.
void learn_page();
namespace detail {
extern constinit std::size_t page;
}
/// This kernel's: what can be given back of a span.
inline std::size_t page() {
  if constexpr (kPage == 4096) return kPage;
  return detail::page;
}

/// Addresses between what programs ask for (low) and where the kernel puts the rest (high), and how
/// many there are for each kind of block.
struct Room {
  std::uintptr_t lowest, highest;
  std::size_t blocks, runs, metadata;
};
/// Of this machine, which may have as little as 512 GiB for a program.
Room find_room();

/// A place where `bytes` of address space are free, aligned to 2 MiB and chosen at random; 0 where
/// there is none. Threads: one at a time. Nothing is mapped: what is not used counts against no
/// limit on address space or locked memory. It lies far from where the kernel puts mappings, so
/// that none comes there unless a program asks for that very address.
std::uintptr_t find_place(std::size_t bytes);
/// Makes some of it memory: zeroed, had when it is touched. False where the kernel refuses, or
/// something else is there.
bool commit(void* from, std::size_t bytes);
bool unmap(void* from, std::size_t bytes);
/// Has one huge page there, where nothing is yet, if the kernel has one to give; where that takes
/// long, none is asked for during some seconds. What is purged of it later stays away: the kernel
/// does not make it whole again.
void take_huge_page(void* at);
/// Gives memory back; it is zeroed when it is touched again.
bool purge(void* from, std::size_t bytes);
/// Moves the pages of `from` to `to`, which must be committed; what is left reads as zero.
bool move_pages(void* from, std::size_t bytes, void* to);
/// Memory as it was when it was committed, also as the kernel keeps account of its mappings.
bool renew(void* from, std::size_t bytes);

/// Marks pages as such that end the program when it touches them; what was there is gone. Linux
/// 6.13, and no locked memory.
bool mark_guard(void* from, std::size_t bytes);
bool unmark_guard(void* from, std::size_t bytes);
/// The same by a mapping of its own, until it is renewed.
bool forbid(void* from, std::size_t bytes);

/// A number that nobody can tell beforehand, where the kernel has one ready.
std::uint64_t random();
/// Whether the page that `at` lies on can be read. By a call that reads eight bytes and does
/// nothing: sandboxes allow it, as they may not allow calls that are there for copying.
bool is_readable(std::uintptr_t at);

/// The kernel's numbers of this thread and of its process.
std::uint32_t this_thread();
std::uint32_t this_process();
/// Milliseconds of a clock that costs some nanoseconds and steps by about four.
std::uint64_t coarse_now();
/// What this machine has, in bytes.
std::size_t physical_memory();
void sleep(const timespec& time);

/// Whether pass_barrier() will be there; the first time in a process of many threads it takes some
/// milliseconds.
bool promise_barrier();
/// Has every thread of this process pass a full barrier before it returns.
bool pass_barrier();

inline void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}
void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value);
void wake_one(std::atomic<std::uint32_t>& word);

}  // namespace strata::alloc::os
