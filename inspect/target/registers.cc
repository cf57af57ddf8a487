#include "inspect/target/registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

namespace strata {
namespace {

template <class T>
bool read_set(pid_t tid, unsigned long set, T& into) {
  iovec window{&into, sizeof(into)};
  return ptrace(PTRACE_GETREGSET, tid, set, &window) == 0 && window.iov_len == sizeof(into);
}

}  // namespace

Registers registers_of(const user_regs_struct& all) {
#if defined(__x86_64__)
  return {all.rsp,
          all.rip,
          all.fs_base,
          {all.rax, all.rbx, all.rcx, all.rdx, all.rsi, all.rdi, all.rbp, all.r8, all.r9, all.r10,
           all.r11, all.r12, all.r13, all.r14, all.r15}};
#elif defined(__aarch64__)
  Registers registers{all.sp, all.pc, 0, {}};
  for (int i = 0; i < Registers::kGeneral; ++i) registers.general[i] = all.regs[i];
  return registers;
#else
#error "name the stack, instruction, thread pointer and the general registers of this processor"
#endif
}

bool read_registers(pid_t tid, Registers& into) {
  user_regs_struct all;
  if (!read_set(tid, NT_PRSTATUS, all)) return false;
  into = registers_of(all);
#if defined(__aarch64__)
  // Newer kernels add TPIDR2 behind it and cut the answer to the room given.
  if (!read_set(tid, NT_ARM_TLS, into.thread_pointer)) return false;
#endif
  return true;
}

}  // namespace strata
