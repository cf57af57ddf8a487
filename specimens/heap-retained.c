// heap-retained - 100 MiB of small blocks, all freed but the last one: under the top of the heap,
// where one live chunk keeps glibc from giving them back.
#include "heap-words.h"

enum { kAll = 100 << 20, kBlock = 1000, kChunk = 1008, kBlocks = kAll / kChunk };

static Byte* blocks[kBlocks];
static Tally live, freed;

int main(void) {
  make_cache();
  for (int i = 0; i < kBlocks; ++i) blocks[i] = take_counted(kBlock, &live);
  for (int i = 0; i < kBlocks - 1; ++i) give_back(blocks[i], &live, &freed);
  const size_t size = (size_t)(blocks[kBlocks - 1] - blocks[0]);
  state_range("retained", blocks[0], size);
  state("retained.anonymous", size);  // every page has a header that was written
  state_block("keeps", blocks[kBlocks - 1]);
  state_tally("live", live);
  state_tally("free", freed);
  state_glibc();
  ready();
}
