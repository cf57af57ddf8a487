// inspect/target/registers.h - the registers that say where a thread stands; the one place that
// knows the processor.
// Source  PTRACE_GETREGSET with NT_PRSTATUS, on aarch64 also NT_ARM_TLS (ptrace(2)).
// Errors  false where the thread is not stopped, or is one of another word size (32-bit).
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace strata {

struct Registers {
  std::uint64_t stack_pointer;
  std::uint64_t instruction_pointer;
  std::uint64_t thread_pointer;
};

/// Of a thread that this process traces and that stands. Makes system calls only.
bool read_registers(pid_t tid, Registers& into);

}  // namespace strata
