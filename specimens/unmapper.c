// unmapper - a thread maps, writes and unmaps ranges without pause; 64 pages beside it stand still.
#include <pthread.h>

#include "specimen.h"

enum { kStill = 64, kMost = 64, kHeld = 32 };

static void* churn(void* unused) {
  struct {
    Byte* from;
    size_t size;
  } held[kHeld] = {{NULL, 0}};
  for (unsigned round = 0;; ++round) {
    const size_t at = round % kHeld, size = (1 + round * 7 % kMost) * kPage;
    if (held[at].from != NULL) must(munmap(held[at].from, held[at].size) == 0);
    held[at].from = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    held[at].size = size;
    must(held[at].from != MAP_FAILED);
    write_pages(held[at].from, size / kPage);
    if (at == 0) sched_yield();
  }
  return unused;
}

int main(void) {
  Byte* const still = map_pages(kStill);
  write_pages(still, kStill);
  pthread_t thread;
  must(pthread_create(&thread, NULL, churn, NULL) == 0);
  state_range("still", still, kStill * kPage);
  state("still.resident", kStill * kPage);
  state("moving.at_most", (size_t)kHeld * kMost * kPage);
  ready();
}
