// strata-pinned - on the Strata malloc, which has to be preloaded: a live block on each page of
// small blocks that were freed, so that no page of them can be given back. It states how much it
// freed.
#include <dlfcn.h>
#include <malloc.h>

#include "specimen.h"

enum { kBlock = 64, kEach = kPage / kBlock, kBlocks = 400 * kEach * 4 };

static Byte* blocks[kBlocks];

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // page by page; kernels without huge pages refuse it
  if (dlsym(RTLD_DEFAULT, "strata_malloc_layout") == NULL)
    skip("it does not run on the Strata malloc");
  for (int i = 0; i < kBlocks; ++i) {
    blocks[i] = malloc(kBlock);
    must(blocks[i] != NULL);
    memset(blocks[i], 1, kBlock);
  }
  size_t freed = 0, bytes = 0;
  for (int i = 0; i < kBlocks; ++i) {
    // By where they are: how they come is malloc's affair.
    if ((uintptr_t)blocks[i] % kPage == 0) continue;
    bytes += malloc_usable_size(blocks[i]);
    ++freed;
    free(blocks[i]);
  }
  state("freed.chunks", freed);
  state("freed.bytes", bytes);
  state("live.chunks", kBlocks - freed);
  ready();
}
