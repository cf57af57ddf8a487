// inspect/target/registers.h - the registers of a thread that stands: where it is, and what it has
// in hand. The one place that knows the processor.
//
//     NT_PRFPREG      ┐ 0    how the x87 unit stands   NT_X86_XSTATE begins with it, and goes on:
//     of x86-64       │ 32   ST0 to ST7 (MM0 to MM7)   512  which parts are in use
//                     │ 160  XMM0 to XMM15             576  the others, each where this processor
//                     ┘ 416  to 512: the kernel's own       has it: upper halves, masks, ZMM16 on
//
// Source  PTRACE_GETREGSET with NT_PRSTATUS, on aarch64 also NT_ARM_TLS (ptrace(2)); the Intel
//         manual, volume 1, 10.5.1 (FXSAVE) and 13.4 (XSAVE, the standard form, which the kernel
//         gives whatever it uses itself); Linux arch/arm64, struct user_fpsimd_state.
// Errors  false, or no words, where the thread is not stopped, or is one of another word size
//         (32-bit).
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace strata {

struct Registers {
#if defined(__aarch64__)
  static constexpr int kGeneral = 31;
#else
  static constexpr int kGeneral = 15;  // the stack pointer is apart
#endif

  std::uint64_t stack_pointer;
  std::uint64_t instruction_pointer;
  std::uint64_t thread_pointer;
  std::uint64_t general[kGeneral];  ///< in no order that means anything
};

/// As the kernel and cores lay them out. On aarch64 the thread pointer is not among them, and 0.
Registers registers_of(const user_regs_struct& all);

/// Of a thread that this process traces and that stands. Makes system calls only.
bool read_registers(pid_t tid, Registers& into);

/// Of a set of vector registers no more than this is looked at. Behind it, where a processor has
/// them (AMX), are the rows of matrices of small numbers, up to 8 KiB a thread.
inline constexpr std::size_t kVectorSetSize = 2752;
inline constexpr std::size_t kMostVectorWords = kVectorSetSize / 8;
using VectorWords = std::span<std::uint64_t, kMostVectorWords>;

/// Those words of vector registers that may be addresses, in no order; how many there are. `set` is
/// as the kernel and cores lay it out: NT_PRFPREG or NT_X86_XSTATE. Which register is where is not
/// asked, so any aligned word may be one.
std::size_t find_vector_words(std::span<const std::byte> set, VectorWords into);

/// The same of a thread that this process traces and that stands. Makes system calls only.
std::size_t read_vector_words(pid_t tid, VectorWords into);

}  // namespace strata
