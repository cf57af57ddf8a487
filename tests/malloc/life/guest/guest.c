// guest - the library that libraries-come-and-go-with-what-they-allocated loads.
#define EXPECT_ANY_ALLOCATOR
#include "../../expect.h"

static void* kept;
static _Thread_local char* local;
static _Thread_local char large[3000];

__attribute__((constructor)) static void come(void) { fill(kept = malloc(5000), 5000, 9); }
__attribute__((destructor)) static void go(void) {
  expect(holds(kept, 5000, 9));
  free(kept);
  free(local);
}

__attribute__((visibility("default"))) void* guest_make(size_t size) {
  free(local);
  local = strdup("of this thread");
  large[size % sizeof large] = 1;
  void* const block = malloc(size);
  fill(block, size, 4);
  return block;
}
