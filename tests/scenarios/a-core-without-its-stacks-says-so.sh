# Where gcore could not read a stack's guard it leaves the whole stack out as zeros. What only that
# stack holds is then listed as leaked, and the threads of which that is so are named.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"
needs gcore

program <<'END_OF_PROGRAM'
#include <cstdint>
#include <cstdlib>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "specimen.h"

constexpr size_t kStack = 1 << 20;
constexpr int kGuardInstall = 102;  // MADV_GUARD_INSTALL, Linux 6.13
pid_t tid;

void told(const char* key, void* block) { state(key, ~reinterpret_cast<std::uintptr_t>(block)); }

__attribute__((noinline)) void* take() {
  void* const block = std::malloc(100);
  told("held", block);
  return block;
}
__attribute__((noinline)) void clear() {
  volatile char deep[32 << 10];
  for (auto& byte : deep) byte = 0;
}

void* stand(void*) {
  void* volatile own = take();
  clear();
  tid = gettid();
  for (;;) pause();
  return own;
}

int main() {
  // As glibc 2.43 makes a stack: its guard is no mapping of its own.
  void* const stack = mmap(nullptr, kStack, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
  must(stack != MAP_FAILED);
  if (madvise(stack, 4096, kGuardInstall) != 0) skip("this kernel has no MADV_GUARD_INSTALL");
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstack(&attributes, stack, kStack);
  pthread_t thread;
  must(pthread_create(&thread, &attributes, stand, nullptr) == 0);
  while (*const_cast<volatile pid_t*>(&tid) == 0) sched_yield();
  until_asleep(tid);
  state("tid", tid);
  ready();
}
END_OF_PROGRAM
specimen ./program
held=$(printf '0x%x' $((~$(stated held))))
leaks_of
exits_with 0
json '[.notes[].text | select(contains("not in the core"))] == []' >/dev/null

run gcore -o core "$target"
[[ -s core.$target ]] || skip 'gcore made no core here'
leaks_in core."$target"
if ((exit_code == 0)); then
  # A gdb that goes on behind what it cannot read.
  json '[.notes[].text | select(contains("not in the core"))] == []' >/dev/null
  skip 'this gdb leaves out the guard alone'
fi
exits_with 1
found | grep -qx "$held" || fail 'what the stack held is not listed'
json '[.notes[].text | select(contains("the stacks of 1 of 2 threads are not in the core") and
  contains("(\($tid))"))] | length == 1' --argjson tid "$(stated tid)" >/dev/null
end_specimen
