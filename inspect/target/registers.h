// inspect/target/registers.h - the registers of a thread that stands: where it is, and what it has
// in hand. The one place that knows the processor.
// Source  PTRACE_GETREGSET with NT_PRSTATUS, on aarch64 also NT_ARM_TLS (ptrace(2)).
// Errors  false where the thread is not stopped, or is one of another word size (32-bit).
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstdint>

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

}  // namespace strata
