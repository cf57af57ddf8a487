# What is held by code that was made at run time, by data that was protected after it was written,
# by memory that the program took from brk between two of malloc's calls, by the frames of a stack
# that was left for another, or by a vector register, is no leak.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"
[[ $(uname -m) == x86_64 ]] || skip 'the code that is made is for x86-64'

program <<'END_OF_PROGRAM'
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "specimen.h"

alignas(4096) void* guarded[512];  // a page of its own
char other_stack[64 << 10];
ucontext_t here, there;

// The complement, that what is stated keeps nothing.
void told(const char* key, void* block) { state(key, ~reinterpret_cast<std::uintptr_t>(block)); }

__attribute__((noinline)) void hold_in_code() {
  void* const block = std::malloc(100);
  told("code", block);
  char* const code = static_cast<char*>(mmap(nullptr, 2 << 20, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  must(code != MAP_FAILED);
  // At an odd byte, over the border of any window that is a multiple of a page.
  std::memcpy(code + (1 << 20) - 5, "\x48\xb8", 2);  // mov $imm64, %rax
  std::memcpy(code + (1 << 20) - 3, &block, sizeof block);
  must(mprotect(code, 2 << 20, PROT_READ | PROT_EXEC) == 0);
}
__attribute__((noinline)) void hold_in_guarded() {
  guarded[7] = std::malloc(100);
  told("guarded", guarded[7]);
  must(mprotect(guarded, sizeof guarded, PROT_READ) == 0);
}
__attribute__((noinline)) void hold_in_brk() {
  void** const own = static_cast<void**>(sbrk(64 << 10));
  must(own != reinterpret_cast<void*>(-1));
  own[100] = std::malloc(100);
  told("brk", own[100]);
  // More than is left behind the last top, so that brk moves on.
  for (int i = 0; i < 40; ++i) guarded[100 + i] = std::malloc(100 << 10);
}
__attribute__((noinline)) void lose() { told("lost", std::malloc(200)); }
__attribute__((noinline)) void clear() {
  volatile char deep[32 << 10];
  for (auto& byte : deep) byte = 0;
}

__attribute__((noinline)) void in_frame() {
  void* volatile block = std::malloc(100);
  told("frame", block);
  swapcontext(&there, &here);
  (void)block;
}

int main() {
  hold_in_code();
  hold_in_brk();
  hold_in_guarded();
  lose();
  getcontext(&there);
  there.uc_stack.ss_sp = other_stack;
  there.uc_stack.ss_size = sizeof other_stack;
  makecontext(&there, in_frame, 0);
  swapcontext(&here, &there);
  clear();
  ready();
}
END_OF_PROGRAM
specimen ./program
leaks_of
exits_with 1
address_of() { printf '0x%x' $((~$(stated "$1"))); }
equals "$(found)" "$(address_of lost)" 'what is lost'
for held in code guarded brk frame; do
  leaks_of --why "$(address_of "$held")"
  json '.why | length >= 1' >/dev/null
done
end_specimen

specimen leak-vectors
leaks_of
exits_with 1
expect_only direct
for ((i = 0; i < $(stated not.chunks); ++i)); do
  leaks_of --why "$(stated "not.$i.block")"
  json '.why | length == 1 and (.[0].what | contains("a register of thread"))' >/dev/null
done
if command -v gcore >/dev/null; then
  run gcore -o core "$target"
  exits_with 0
  leaks_in core."$target"
  exits_with 1
  expect_only direct
fi
end_specimen
