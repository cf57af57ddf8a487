# In a memory cgroup of 64 MiB, 20 phases of 24 MiB each, of other sizes every time and all freed
# between, do not get the program killed.
. "$(dirname "$0")/../../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
needs_root

# A group inside this one's own keeps all limits that there are.
own=$(sed -n 's/^[0-9]*:memory://p' /proc/self/cgroup)
group=/sys/fs/cgroup/memory${own%/}/strata-malloc-$$
if [[ $own && -w ${group%/*} ]] && mkdir "$group" 2>/dev/null; then
  at_exit rmdir "$group"
  echo $((64 << 20)) >"$group/memory.limit_in_bytes"
  in_group() { bash -c 'echo $$ >"$1/cgroup.procs" && shift && exec env LD_PRELOAD="$@"' bash "$group" "$library" "$@"; }
elif [[ -d /run/systemd/system ]]; then
  in_group() {
    systemd-run --quiet --scope -p MemoryMax=64M -p MemorySwapMax=0 env LD_PRELOAD="$library" "$@"
  }
else
  skip 'the kernel allows no memory cgroup here'
fi

compiled program <<'C'
#include "life/churn.h"
enum { kPhase = 24 * kMiB };
static void* phase(void* argument) {
  const size_t sizes[] = {32, 100, 500, 1000, 3000, 10000, 33000, 100000, 400000, 2000000};
  const size_t size = sizes[(size_t)argument % 10] + (size_t)argument;
  void* all = NULL;
  for (size_t used = 0; used < kPhase; used += size) {
    void** const block = malloc(size);
    expect(block);
    memset(block, 1, size);
    *block = all;
    all = block;
  }
  return all;
}
static void free_all(void* all) {
  for (void* next; all; all = next) {
    next = *(void**)all;
    free(all);
  }
}
int main(void) {
  for (size_t i = 0; i < 10; ++i) free_all(phase((void*)i));
  // Each by a thread of its own, and freed by another.
  for (size_t i = 10; i < 20; ++i) {
    pthread_t thread;
    void* all;
    expect(pthread_create(&thread, NULL, phase, (void*)i) == 0 && pthread_join(thread, &all) == 0);
    free_all(all);
  }
  puts("all phases");
}
C
run in_group ./program
exits_with 0
says 'all phases'
