#include "inspect/target/registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

namespace strata {
namespace {

template <class T>
bool read_set(pid_t tid, unsigned long set, T& into) {
  iovec window{&into, sizeof(into)};
  return ptrace(PTRACE_GETREGSET, tid, set, &window) == 0 && window.iov_len == sizeof(into);
}

}  // namespace

bool read_registers(pid_t tid, Registers& into) {
  user_regs_struct general;
  if (!read_set(tid, NT_PRSTATUS, general)) return false;
#if defined(__x86_64__)
  into = {general.rsp, general.rip, general.fs_base};
#elif defined(__aarch64__)
  // Newer kernels add TPIDR2 behind it and cut the answer to the room given.
  std::uint64_t thread_pointer;
  if (!read_set(tid, NT_ARM_TLS, thread_pointer)) return false;
  into = {general.sp, general.pc, thread_pointer};
#else
#error "name the stack, instruction and thread pointer of this processor here"
#endif
  return true;
}

}  // namespace strata
