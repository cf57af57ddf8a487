// double-free-after-100000-operations - long after, with the block still free: all that is
// allocated meanwhile is of other sizes, and its neighbours live.
// With  16 100 1000
#include "bug.h"

int main(int, char** argv) {
  const size_t size = number(argv[1]);
  enum { kNeighbours = 1000, kOperations = 100000, kLive = 500 };
  static void *neighbours[kNeighbours], *live[kLive];
  for (int i = 0; i < kNeighbours; ++i) neighbours[i] = malloc(size);
  char* const block = neighbours[kNeighbours / 2];
  free(block);
  for (int i = 0; i < kOperations; ++i) {
    void** const place = &live[(unsigned)i * 7919u % kLive];
    free(*place);
    *place = malloc(size * 2 + 64 + (unsigned)i % 4096);
    expect((char*)*place + size * 2 <= block || (char*)*place >= block + size);
  }
  free(opaque(block));
  unseen();
}
