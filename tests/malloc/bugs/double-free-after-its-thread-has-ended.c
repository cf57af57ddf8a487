// double-free-after-its-thread-has-ended - a thread allocated and freed it, and is gone.
// With  16 100 1000 20000 100000
#include "bug.h"

static void* neighbours[100];
static void* allocate_and_free(void* size) {
  for (int i = 0; i < 100; ++i) neighbours[i] = malloc((size_t)size);
  free(neighbours[50]);
  return neighbours[50];
}

int main(int, char** argv) {
  void* const block = run_thread(allocate_and_free, (void*)number(argv[1]));
  free(opaque(block));
  unseen();
}
