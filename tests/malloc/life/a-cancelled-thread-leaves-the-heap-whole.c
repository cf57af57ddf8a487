// a-cancelled-thread-leaves-the-heap-whole - its clean-up allocates and frees.
#include "churn.h"

static void clean_up(void* block) {
  free(block);
  churn(1, 50);
}

static void* wait_for_end(void* number) {
  void* const block = malloc(100 + (uintptr_t)number);
  pthread_cleanup_push(clean_up, block);
  for (;;) {
    churn((uintptr_t)number, 20);
    pthread_testcancel();
  }
  pthread_cleanup_pop(1);
  return NULL;
}

int main(void) {
  for (uintptr_t round = 0; round < 200; ++round) {
    pthread_t thread;
    void* result;
    expect(pthread_create(&thread, NULL, wait_for_end, (void*)round) == 0);
    churn(round, 50);
    expect(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0);
    expect(result == PTHREAD_CANCELED);
  }
}
