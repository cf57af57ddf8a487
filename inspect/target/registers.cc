#include "inspect/target/registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>

namespace strata {
namespace {

template <class T>
bool read_set(pid_t tid, unsigned long set, T& into) {
  iovec window{&into, sizeof(into)};
  return ptrace(PTRACE_GETREGSET, tid, set, &window) == 0 && window.iov_len == sizeof(into);
}

/// What there is of a set whose size is the processor's; nothing where it has none.
std::span<const std::byte> read_part(pid_t tid, unsigned long set, std::span<std::byte> into) {
  iovec window{into.data(), into.size()};
  if (ptrace(PTRACE_GETREGSET, tid, set, &window) != 0) return {};
  return into.first(std::min(window.iov_len, into.size()));
}

struct Part {
  std::size_t start, end;
};
#if defined(__x86_64__)
constexpr Part kParts[] = {{32, 416}, {576, kVectorSetSize}};
#else
constexpr Part kParts[] = {{0, 512}};  // V0 to V31
#endif

/// The lowest page is never mapped, and no processor gives a program more than 56 bits.
bool may_be_address(std::uint64_t word) { return word >= 0x1000 && word < std::uint64_t{1} << 56; }

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

std::size_t find_vector_words(std::span<const std::byte> set, VectorWords into) {
  std::size_t count = 0;
  for (const Part& part : kParts) {
    for (std::size_t at = part.start; at + 8 <= std::min(part.end, set.size()); at += 8) {
      std::uint64_t word;
      std::memcpy(&word, &set[at], sizeof word);
      if (may_be_address(word)) into[count++] = word;
    }
  }
  return count;
}

std::size_t read_vector_words(pid_t tid, VectorWords into) {
  alignas(8) std::byte room[kVectorSetSize];
#if defined(__x86_64__)
  const auto whole = read_part(tid, NT_X86_XSTATE, room);
  if (!whole.empty()) return find_vector_words(whole, into);
#endif
  return find_vector_words(read_part(tid, NT_PRFPREG, room), into);
}

}  // namespace strata
