# Of blocks that are lost on the Strata malloc each is found, by address, and none that is held or
# freed is: live, in a core, and without symbols; no more and no less than of the same program on
# glibc's malloc. --why leads to what is held, block by block.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"
. "$ROOT/tests/leaks.sh"
needs gcore

specimen leak-known
leaks_of
exits_with 1
on_glibc=$(json -c '.totals | [.direct_chunks, .indirect_chunks]')
end_specimen

on_strata_malloc leak-known
leaks_of
exits_with 1
found >live
expect_only direct cyclic
equals "$(json -c '.totals | [.direct_chunks, .indirect_chunks]')" "$on_glibc" \
  'direct and indirect leaks, where glibc has'
missed=$(stated miss.chunks)
equals "$(json '.totals | .direct_chunks + .indirect_chunks')" \
  $(($(stated leak.chunks) + missed)) 'lost blocks'
# There is no header: a block is what it has room for.
sum=0
for ((i = 0; i < $(stated leak.chunks); ++i)); do ((sum += $(stated "leak.$i.usable"))); done
for ((i = 0; i < missed; ++i)); do ((sum += $(stated "miss.$i.usable"))); done
equals "$(json '.totals | .direct_bytes + .indirect_bytes')" "$sum" 'all bytes of lost blocks'
json '.leaks | all(.bytes == .usable_bytes)' >/dev/null
equals "$(json '[.leaks[] | select(.cycle) | .indirect_chunks] | add')" \
  $(($(stated leak.cyclic) - 1)) 'blocks that the cycle holds'
equals "$(json -c '[.leaks[].indirect_chunks | select(. > 0)] | sort')" '[2,5,9]' 'what they hold'

run gcore -o core "$target"
exits_with 0
leaks_in core."$target"
exits_with 1
found >dead
cmp live dead || fail 'a core has others'

# What of held blocks is known: where their path begins.
declare -A begins=(
  [data]='data' [bss]='data' [interior]='data' [stack]="main's stack"
  ['thread-local']='thread-local storage' [register]='a register of thread'
  [mapping]='anonymous mapping' ['mapped block']='data' [list]='data'
)
declare -A steps=()
for ((i = 0; i < $(stated not.chunks); ++i)); do
  what=$(stated "not.$i.what") block=$(stated "not.$i.block")
  [[ ${begins[$what]-} ]] || continue
  leaks_of --why "$block"
  json '.why[0].what | contains($where)' --arg where "${begins[$what]}" >/dev/null
  json '.why[-1] | .block == $block and .usable_bytes == ($usable | tonumber)' \
    --arg block "$block" --arg usable "$(stated "not.$i.usable")" >/dev/null
  steps[$what]+="$(json '.why | length') "
done
equals "${steps['mapped block']}" '2 ' 'steps through a run of pages'
equals "${steps[list]}" '2 3 4 ' 'steps along a list'
leaks_of --why "$(stated leak.0.block)"
json '.why | length == 0' >/dev/null
run strata leaks --why "$(stated freed.0.block)" "$target"
says "is in no live block of the Strata malloc's heap"
end_specimen

# What is held by nobody else than by what malloc keeps of it (a cache's slot, its table of where
# blocks begin) is lost: the first block of all, and blocks that were cached before.
# Leaves nothing of what was done in registers and on the stack, says that it is ready, and waits.
cat >stand.h <<'END'
#include <stddef.h>
#include <unistd.h>
__attribute__((noinline)) static void wipe(void) {
  volatile char frame[64 << 10];
  for (size_t i = 0; i < sizeof frame; ++i) frame[i] = 0;
}
static int stand(void) {
  wipe();
#ifdef __x86_64__
  __asm__ volatile("xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi\n"
                   "xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d\n"
                   "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2" ::
                       : "ecx", "edx", "esi", "edi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2");
#endif
  write(STDOUT_FILENO, "ready\n", 6);
  char end;
  return read(STDIN_FILENO, &end, 1) < 0;
}
END
# NAME.c, compiled, on the Strata malloc: $standing until ends.
stands() {
  "${CC:-cc}" -O1 -o "$1" "$1.c" || fail "$1.c does not compile"
  mkfifo "to-$1"
  STRATA_MALLOC=background:0 LD_PRELOAD=$strata_malloc "./$1" <"to-$1" >"said-$1" &
  standing=$!
  exec {hold}>"to-$1"
  eventually grep -qs ready "said-$1"
}
ends() {
  exec {hold}>&-
  wait "$standing"
}
cat >first.c <<'END'
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
enum { kBlocks = 200 };
static uintptr_t hidden[kBlocks];
__attribute__((noinline)) static void lose(void) {
  for (int round = 0; round < 2; ++round) {  // taken, put into the cache, and taken from it
    for (int i = 0; i < kBlocks; ++i) hidden[i] = ~(uintptr_t)calloc(1, 3000);
    if (round == 0) {
      for (int i = 0; i < kBlocks; ++i) free((void*)~hidden[i]);
    }
  }
  hidden[0] = ~(uintptr_t)calloc(1, 3000);
}
#include "stand.h"
int main(void) {
  lose();
  return stand();
}
END
stands first
run strata leaks --json "$standing"
exits_with 1
equals "$(json '.totals.direct_chunks')" 201 'blocks that only malloc knows of'
ends

# Blocks of a named heap are blocks too: what nobody holds is lost, small and large, and
# the heap's own record holds none; what they hold is held.
cat >pool.c <<'END'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
enum { kBlocks = 60, kHeld = 20, kRuns = 3 };
void* heap;
void** held[kHeld];
void* run;
__attribute__((noinline)) static void fill(void) {
  void* (*create)(const char*, size_t) = (void* (*)(const char*, size_t))dlsym(RTLD_DEFAULT, "strata_heap_create");
  void* (*take)(void*, size_t) = (void* (*)(void*, size_t))dlsym(RTLD_DEFAULT, "strata_heap_alloc");
  heap = create("pool", (size_t)-1);
  for (int i = 0; i < kBlocks; ++i) {
    void** const block = take(heap, 3000);
    for (int k = 0; k < 3000 / 8; ++k) block[k] = NULL;
    if (i % 3 != 0) continue;
    held[i / 3] = block;
    block[100] = calloc(1, 500);  // held by a block of the heap alone
  }
  for (int i = 0; i < kRuns; ++i) {
    void* const block = take(heap, 500000);
    if (i == 0) run = block;
  }
}
#include "stand.h"
int main(void) {
  fill();
  return stand();
}
END
stands pool
run strata leaks --json "$standing"
exits_with 1
equals "$(json -c '.totals | [.direct_chunks, .indirect_chunks]')" '[42,0]' 'lost blocks of a heap'
equals "$(json -c '[.leaks[].bytes] | unique | length')" 2 'small ones and large ones'
ends
