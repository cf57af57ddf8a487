// malloc/machine.h - all of unwinding that differs between processors.
// Source  System V ABI, AMD64 supplement, figure 3.36: numbers of registers in DWARF.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::alloc::machine {

#if defined(__x86_64__)

/// rax rdx rcx rbx rsi rdi rbp rsp r8 … r15, and the return address.
inline constexpr unsigned kRegisters = 17;
inline constexpr unsigned kFrame = 6, kStack = 7, kReturn = 16;
/// Those that a called function gives back as they were; all that a caller's frame can be told by.
inline constexpr unsigned kKept[] = {3, 6, 12, 13, 14, 15};
inline constexpr bool kHasTables = true;

/// As they are in the function that this is expanded in.
#define STRATA_HERE(registers)                                               \
  asm volatile(                                                              \
      "movq %%rbx, 24(%0)\n\tmovq %%rbp, 48(%0)\n\tmovq %%rsp, 56(%0)\n\t"   \
      "movq %%r12, 96(%0)\n\tmovq %%r13, 104(%0)\n\tmovq %%r14, 112(%0)\n\t" \
      "movq %%r15, 120(%0)\n\tleaq 0(%%rip), %%rax\n\tmovq %%rax, 128(%0)"   \
      :                                                                      \
      : "r"(registers)                                                       \
      : "rax", "memory")

#else

/// By frame pointers alone, which its compilers keep: [fp] is the caller's, behind it its return
/// address (AAPCS64, 6.4.6). The numbers are our own.
inline constexpr unsigned kRegisters = 3;
inline constexpr unsigned kFrame = 0, kStack = 1, kReturn = 2;
inline constexpr unsigned kKept[] = {0};
inline constexpr bool kHasTables = false;

#define STRATA_HERE(registers)                                                    \
  ((registers)[0] = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)), \
   (registers)[1] = (registers)[0], (registers)[2] = 1)

#endif

}  // namespace strata::alloc::machine
