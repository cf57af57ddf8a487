# Pages in the middle of a run of blocks are not in memory, and their headers with them: the walk goes
# on behind them and says how much was not walked; nothing of it counts as live, and nothing is read
# into memory for it. Given back they are absent; swapped out they stay in swap.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"

program <<'END'
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "specimen.h"

enum { kBlocks = 20000, kAsked = 100, kPages = 64 };
static char* blocks[kBlocks];

int main(int, char** arguments) {
  for (char*& block : blocks) {
    block = static_cast<char*>(malloc(kAsked));
    memset(block, 1, kAsked);
  }
  const auto page = [](char* at) {
    return reinterpret_cast<char*>((reinterpret_cast<uintptr_t>(at) + 4095) & ~uintptr_t{4095});
  };
  char* const from = page(blocks[kBlocks / 2]);
  char* const to = from + kPages * 4096;
  // Headers lie 16 bytes before the blocks.
  char* first = nullptr;
  char* next = nullptr;
  long missing = 0;
  for (char* block : blocks) {
    char* const chunk = block - 16;
    if (chunk >= from && first == nullptr) first = chunk;
    if (chunk >= to && next == nullptr) next = chunk;
    missing += chunk >= from && chunk < to;
  }
  say("missing.chunks=%ld\nmissing.bytes=%zu\n", missing, static_cast<size_t>(next - first));
  say("missing.at=%p\n", static_cast<void*>(from));
  ready();
  // The heap is not used from here on.
  const bool swaps = strcmp(arguments[1], "swapped") == 0;
  must(madvise(from, to - from, swaps ? MADV_PAGEOUT : MADV_DONTNEED) == 0);
  ready();
  _exit(0);
}
END

look_at() {
  specimen ./program "$1"
  heap_of
  local live lost
  live=$(json .totals.live_chunks)
  equals "$(json .totals.not_walked_bytes)" 0 "$1: not walked of what is all there"
  next_stage
  if [[ $1 == swapped ]]; then
    (($(status VmSwap) >= 64 * 4096)) || skip 'the kernel did not swap them out'
  fi
  local swapped resident
  swapped=$(status VmSwap) resident=$(status VmRSS)
  heap_of --check
  lost=$(json .totals.not_walked_bytes)
  equals "$lost" "$(stated missing.bytes)" "$1: bytes not walked"
  equals "$(json .totals.live_chunks)" $((live - $(stated missing.chunks))) "$1: live chunks"
  equals "$(json '.damage | length')" 0 "$1: damage"
  json 'any(.notes[]; .text | contains("could not be walked: headers there are on pages that are not in memory"))' >/dev/null
  equals "$(status VmSwap)" "$swapped" "$1: in swap afterwards"
  equals "$(status VmRSS)" "$resident" "$1: resident afterwards"
  end_specimen
}

look_at given-back
with_swap
look_at swapped
