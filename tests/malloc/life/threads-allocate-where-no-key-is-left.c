// threads-allocate-where-no-key-is-left - a program may have all of pthread's keys for itself, and
// what it keeps by them stays its own.
#include "churn.h"

static pthread_key_t keys[PTHREAD_KEYS_MAX];
static int count;

static void* work(void* unused) {
  for (int i = 0; i < count; ++i) expect(pthread_setspecific(keys[i], &keys[i]) == 0);
  churn(2, 2000);
  for (int i = 0; i < count; ++i) expect(pthread_getspecific(keys[i]) == &keys[i]);
  return unused;
}

int main(void) {
  while (count < PTHREAD_KEYS_MAX && pthread_key_create(&keys[count], NULL) == 0) ++count;
  expect(count > 100);
  for (int i = 0; i < 4; ++i) {
    pthread_t thread;
    expect(pthread_create(&thread, NULL, work, NULL) == 0);
    expect(pthread_join(thread, NULL) == 0);
  }
}
