// inspect/target/vector_sleeper.h - a thread, of a test, that stands in a system call with a word
// in a vector register and nowhere else.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>

#include "inspect/target/thread.h"

namespace strata::test {

inline constexpr std::uint64_t kInVector = 0x5A'1234'5678;

/// Sleeps for ever, in pause(2), with kInVector in the upper half of a vector register.
[[noreturn]] inline void sleep_with_vector() {
  // No call is between, and a system call keeps these registers.
#if defined(__x86_64__)
  for (;;) {
    asm volatile(
        "mov %0, %%rax\n"
        "not %%rax\n"
        "movq %%rax, %%xmm13\n"
        "pslldq $8, %%xmm13\n"
        "mov %1, %%eax\n"
        "syscall"
        :
        : "i"(~kInVector), "i"(SYS_pause)
        : "rax", "rcx", "r11", "xmm13", "memory");
  }
#else
  const std::uint64_t hidden = ~kInVector;
  for (;;) {
    asm volatile(
        "mvn x8, %0\n"
        "mov v29.d[1], x8\n"
        "mov x0, xzr\n"
        "mov x1, xzr\n"
        "mov x2, xzr\n"
        "mov x3, xzr\n"
        "mov x4, xzr\n"
        "mov x8, %1\n"
        "svc #0"
        :
        : "r"(hidden), "i"(SYS_ppoll)
        : "x0", "x1", "x2", "x3", "x4", "x8", "v29", "memory");
  }
#endif
}

inline bool has_vector(const Thread& thread) {
  return std::ranges::count(thread.vectors, kInVector) > 0;
}

}  // namespace strata::test
