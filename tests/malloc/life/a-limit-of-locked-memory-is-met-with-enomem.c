// a-limit-of-locked-memory-is-met-with-enomem - as an ordinary user, with all that is to come
// locked: mmap(2) then fails at RLIMIT_MEMLOCK, whatever is mapped.
#include "churn.h"

int main(void) {
  const size_t limit = little_to_lock();
  if (geteuid() == 0) expect(setresuid(65534, 65534, 65534) == 0);
  expect(mlockall(MCL_FUTURE) == 0);
  size_t used = 0;
  void* all = NULL;
  for (void** block; used < limit && (block = malloc(10000)); used += 10000) {
    *block = all;
    all = block;
  }
  dprintf(1, "%zu KiB of %zu\n", used >> 10, limit >> 10);
  expect(used >= limit / 2);
  while (all) {
    void* const next = *(void**)all;
    free(all);
    all = next;
  }
  errno = 0;
  expect(malloc(limit * 2) == NULL && errno == ENOMEM);
  churn(1, 2000);
  // Threads begin with arenas of their own.
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 64 * kKiB);
  pthread_t thread;
  if (pthread_create(&thread, &small, churn_on_, (void*)1) == 0) {
    churn(2, 500);
    churners_stop_ = 1;
    expect(pthread_join(thread, NULL) == 0);
  }
}
