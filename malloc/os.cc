#include "malloc/os.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "malloc/report.h"

namespace strata::alloc::os {
namespace {

#ifndef MREMAP_DONTUNMAP
constexpr int MREMAP_DONTUNMAP = 4;  // Linux 5.7
#endif

class KeepErrno {
 public:
  KeepErrno() : before_(errno) {}
  ~KeepErrno() { errno = before_; }
  KeepErrno(const KeepErrno&) = delete;
  KeepErrno& operator=(const KeepErrno&) = delete;

 private:
  int before_;
};

#ifndef MADV_DONTNEED_LOCKED
constexpr int MADV_DONTNEED_LOCKED = 24;  // Linux 5.18
#endif

#ifndef MADV_GUARD_INSTALL
constexpr int MADV_GUARD_INSTALL = 102, MADV_GUARD_REMOVE = 103;  // Linux 6.13
#endif

constexpr std::uintptr_t kAlignment = kHugePage;
constexpr int kPlacesTried = 16;

// A huge page that is there takes a tenth of that. It takes longer where the kernel moves others'
// pages to make one; then it is not asked again for a while. Nanoseconds.
constexpr std::uint64_t kLongForHugePage = 1'000'000;
constexpr std::uint64_t kWithoutHugePages = 10'000'000'000;

std::uint64_t fine_now() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec);
}

// What was mapped to find a place and could not be unmapped.
constinit void* left_over = nullptr;
constinit std::size_t left_over_bytes = 0;

constexpr int kAnonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

constexpr std::size_t kGiB = std::size_t{1} << 30;

/// What every program asks when it begins. Not by libc's functions: each lies on a page of its own,
/// and the kernel maps up to 64 KiB around, all of which counts as the program's. Errors are less
/// than 0.
long ask(long number, void* argument = nullptr) {
#if defined(__x86_64__)
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(number), "D"(argument) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long call asm("x8") = number;
  register void* result asm("x0") = argument;
  asm volatile("svc 0" : "+r"(result) : "r"(call) : "memory");
  return reinterpret_cast<long>(result);
#else
  const KeepErrno keep;
  return syscall(number, argument);
#endif
}

#if !defined(__SANITIZE_THREAD__)
/// How many bits an address of a program's has, at most 47.
unsigned address_bits() {
#if !defined(__x86_64__)
  // As kernels for small machines have them: aarch64 39, 42, 47 or 48, riscv 39 or 48.
  // The last of them are nobody's on some.
  for (const unsigned bits : {47U, 42U}) {
    void* const highest = reinterpret_cast<void*>((std::uintptr_t{1} << bits) - kGiB);
    void* const got = mmap(highest, kPage, PROT_NONE, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MAP_FAILED) munmap(got, kPage);
    if (got == highest || (got == MAP_FAILED && errno == EEXIST)) return bits;
  }
  return 39;
#else
  return 47;
#endif
}
#endif

}  // namespace

constinit std::size_t detail::page = kPage;

void learn_page() {
  if (const std::size_t page = getauxval(AT_PAGESZ); page != 0) detail::page = page;
  if (detail::page <= kPage) return;
  give_up(
      "this kernel's pages are larger than the library is built for: build it with "
      "-DSTRATA_MALLOC_PAGE_KIB=64, or run the program without it");
}

Room find_room() {
#if defined(__SANITIZE_THREAD__)
  // That sanitizer leaves room elsewhere, and little of it.
  return {0x7e90'0000'0000, 0x7eb0'0000'0000, 256 * kGiB, 64 * kGiB, 64 * kGiB};
#else
  const KeepErrno keep;
  const std::size_t all = std::size_t{1} << address_bits();
  return {all / 4, all / 8 * 5, std::min(all / 32, 256 * kGiB), all / 8,
          std::min(all / 128, 64 * kGiB)};
#endif
}

std::uintptr_t find_place(std::size_t bytes) {
  const KeepErrno keep;
  if (left_over != nullptr && munmap(left_over, left_over_bytes) != 0) return 0;
  left_over = nullptr;
  const Room room = find_room();
  for (int i = 0; i < kPlacesTried; ++i) {
    const std::uintptr_t place =
        room.lowest + random() % (room.highest - room.lowest) / kAlignment * kAlignment;
    void* const wanted = reinterpret_cast<void*>(place);
    void* const got = mmap(wanted, bytes, PROT_NONE, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0);
    if (got != MAP_FAILED && munmap(got, bytes) != 0) {
      // Or each try would take so much from those to come.
      left_over = got;
      left_over_bytes = bytes;
      return 0;
    }
    // A limit on address space or locked memory refuses even to look; the first blocks will tell.
    if (got == wanted || (got == MAP_FAILED && errno != EEXIST)) return place;
  }
  return 0;
}

bool commit(void* from, std::size_t bytes) {
  const KeepErrno keep;
  void* const got =
      mmap(from, bytes, PROT_READ | PROT_WRITE, kAnonymous | MAP_FIXED_NOREPLACE, -1, 0);
  if (got == from) return true;
  // Before Linux 4.17 it is no more than a wish.
  if (got != MAP_FAILED) munmap(got, bytes);
  return false;
}

bool unmap(void* from, std::size_t bytes) {
  const KeepErrno keep;
  return munmap(from, bytes) == 0;
}

void take_huge_page(void* at) {
  static constinit std::atomic<std::uint64_t> not_before{0};
  const KeepErrno keep;
  const std::uint64_t start = fine_now();
  if (start < not_before.load(std::memory_order_relaxed)) return;
  if (madvise(at, kHugePage, MADV_HUGEPAGE) != 0) return;
  *static_cast<volatile char*>(at) = 0;
  madvise(at, kHugePage, MADV_NOHUGEPAGE);
  const std::uint64_t end = fine_now();
  if (end - start > kLongForHugePage) {
    not_before.store(end + kWithoutHugePages, std::memory_order_relaxed);
  }
}

bool purge(void* from, std::size_t bytes) {
  const KeepErrno keep;
  // Locked memory is refused, unless it is said to be meant too.
  return madvise(from, bytes, MADV_DONTNEED) == 0 ||
         madvise(from, bytes, MADV_DONTNEED_LOCKED) == 0;
}

bool move_pages(void* from, std::size_t bytes, void* to) {
  const KeepErrno keep;
  return mremap(from, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to) == to;
}

bool renew(void* from, std::size_t bytes) {
  const KeepErrno keep;
  return mmap(from, bytes, PROT_READ | PROT_WRITE, kAnonymous | MAP_FIXED, -1, 0) == from;
}

bool mark_guard(void* from, std::size_t bytes) {
  const KeepErrno keep;
  return madvise(from, bytes, MADV_GUARD_INSTALL) == 0;
}

bool unmark_guard(void* from, std::size_t bytes) {
  const KeepErrno keep;
  return madvise(from, bytes, MADV_GUARD_REMOVE) == 0;
}

bool forbid(void* from, std::size_t bytes) {
  const KeepErrno keep;
  // Purged first: what is on its pages would count on.
  madvise(from, bytes, MADV_DONTNEED);
  return mprotect(from, bytes, PROT_NONE) == 0;
}

std::uint64_t random() {
  const KeepErrno keep;
  std::uint64_t number = reinterpret_cast<std::uintptr_t>(&keep);
  syscall(SYS_getrandom, &number, sizeof number, GRND_NONBLOCK);
  return number;
}

bool is_readable(std::uintptr_t at) {
  const KeepErrno keep;
  constexpr int kNoAction = -1;
  constexpr std::size_t kKernelSet = 8;
  // rt_sigprocmask(2) reads the set before it looks at what is to be done with it.
  syscall(SYS_rt_sigprocmask, kNoAction, at & ~std::uintptr_t{7}, nullptr, kKernelSet);
  return errno != EFAULT;
}

std::uint64_t coarse_now() {
  const KeepErrno keep;
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

std::uint32_t this_thread() { return static_cast<std::uint32_t>(ask(SYS_gettid)); }
std::uint32_t this_process() { return static_cast<std::uint32_t>(ask(SYS_getpid)); }

std::size_t physical_memory() {
  struct sysinfo machine{};
  if (ask(SYS_sysinfo, &machine) != 0) return std::size_t{1} << 30;
  return static_cast<std::size_t>(machine.totalram) * machine.mem_unit;
}

void sleep(const timespec& time) {
  const KeepErrno keep;
  syscall(SYS_nanosleep, &time, nullptr);
}

bool promise_barrier() {
  const KeepErrno keep;
  return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0;
}

bool pass_barrier() {
  const KeepErrno keep;
  return syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void wait_while(std::atomic<std::uint32_t>& word, std::uint32_t value) {
  const KeepErrno keep;
  syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, value, nullptr, nullptr, 0);
}

void wake_one(std::atomic<std::uint32_t>& word) {
  const KeepErrno keep;
  syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, nullptr, nullptr, 0);
}

}  // namespace strata::alloc::os
