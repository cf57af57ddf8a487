// double-free-of-what-another-thread-freed - another thread has freed it and lives on, then its
// owner does.
// With  16 100 1000 20000 100000
#include "bug.h"

static pthread_barrier_t freed;
static void* free_it(void* block) {
  free(block);
  pthread_barrier_wait(&freed);
  return pause(), NULL;
}

int main(int, char** argv) {
  pthread_barrier_init(&freed, NULL, 2);
  void* const block = malloc(number(argv[1]));
  pthread_t thread;
  expect(pthread_create(&thread, NULL, free_it, block) == 0);
  pthread_barrier_wait(&freed);
  free(opaque(block));
  unseen();
}
