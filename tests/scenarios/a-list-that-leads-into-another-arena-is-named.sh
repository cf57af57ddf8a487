# An unsorted list whose link was written over leads into the list of another arena: what stands there
# counts once, and where it belongs.
. "$(dirname "$0")/../scenario.sh"

program -Wno-use-after-free <<'END'
#include <malloc.h>
#include <pthread.h>

#include "specimen.h"

static void* blocks[20];
static void* others[20];
static pthread_barrier_t made;

static void* work(void*) {
  for (int i = 0; i < 20; ++i) others[i] = malloc(3000 + i * 512);
  for (int i = 0; i < 20; i += 2) free(others[i]);
  pthread_barrier_wait(&made);
  for (;;) pause();
}

int main() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  for (auto& block : blocks) block = malloc(5000);
  pthread_barrier_init(&made, nullptr, 2);
  pthread_t thread;
  must(pthread_create(&thread, nullptr, work, nullptr) == 0);
  pthread_barrier_wait(&made);
  for (int i = 0; i < 20; i += 2) free(blocks[i]);
  void** const freed = static_cast<void**>(blocks[18]);
  *static_cast<void* volatile*>(freed) = static_cast<char*>(others[4]) - 16;
  state("link.at", reinterpret_cast<uintptr_t>(freed));
  ready();
}
END
specimen ./program
for depth in '' --check; do
  run strata heap --freeze --json $depth "$target"
  ((exit_code <= 1)) || fail "exit code $exit_code"
  equals "$(json '[.damage[].address] | unique | join(" ")')" \
    "$(printf '0x%x' "$(stated link.at)")" "where, by heap $depth"
  equals "$(json '[.arenas[] | .free_chunks - (.bins | map(.chunks) | add // 0)] | unique | map(tostring)
    | join(" ")')" 1 "free chunks that are in no bin: each arena's top, by heap $depth"
done
