// a-thread-may-first-allocate-in-a-destructor - when it has all but ended; two thousand of them
// leave no memory behind.
#include "churn.h"

static pthread_key_t key;
static void first_time(void* value) {
  void* const block = malloc((uintptr_t)value % 3000);
  memset(block, 1, (uintptr_t)value % 3000);
  free(block);
  // Once more in each round that there may be.
  if ((uintptr_t)value < 3 * 10000) pthread_setspecific(key, (char*)value + 10000);
}
static void* nothing(void* value) {
  pthread_setspecific(key, value);
  return NULL;
}

int main(void) {
  expect(pthread_key_create(&key, first_time) == 0);
  size_t before = 0;
  for (uintptr_t i = 1; i <= 2000; ++i) {
    pthread_t thread;
    expect(pthread_create(&thread, NULL, nothing, (void*)(i % 9999 + 1)) == 0);
    expect(pthread_join(thread, NULL) == 0);
    if (i == 500) before = resident();
  }
  expect(resident() < before + 8 * kMiB);
}
