// service - what a service of some age may look like from outside, for the demonstration: workers,
// a heap in use, a buffer that was given back lazily, a mapped file, a large reservation.
// It states its parts; each has a specimen of its own where it is tested.
#include <pthread.h>
#include <sys/prctl.h>

#include "specimen.h"

enum { kWorkers = 4 };

static pthread_barrier_t started;
// Who holds a mapping is known by a pointer in its module's data; volatile, so that it is there.
static Byte* volatile cache;

static void* work(void* number) {
  char name[16];
  snprintf(name, sizeof(name), "worker-%d", (int)(intptr_t)number);
  prctl(PR_SET_NAME, name);
  // A stack used deeply once, as by a recursion or a large local array, and never given back.
  volatile char deep[1 << 20];
  for (size_t i = 0; i < sizeof(deep); i += kPage) deep[i] = 1;
  pthread_barrier_wait(&started);
  for (;;) pause();
  return NULL;
}

int main(void) {
  prctl(PR_SET_NAME, "service");
  pthread_barrier_init(&started, NULL, kWorkers + 1);
  for (intptr_t i = 1; i <= kWorkers; ++i) {
    pthread_t thread;
    must(pthread_create(&thread, NULL, work, (void*)i) == 0);
  }
  pthread_barrier_wait(&started);

  const size_t blocks = 20000, block = 1000;
  for (size_t i = 0; i < blocks; ++i) {
    void* const data = malloc(block);
    must(data != NULL);
    memset(data, 1, block);
  }
  state("heap.bytes", blocks * block);

  const size_t buffer = 48 << 20;
  cache = map_pages(buffer / kPage);
  write_pages(cache, buffer / kPage);
  must(madvise((void*)cache, buffer * 3 / 4, MADV_FREE) == 0);
  state_range("cache", cache, buffer);
  state("cache.resident", buffer);
  state("cache.private_clean", buffer * 3 / 4);

  const size_t reserve = (size_t)8 << 30;
  void* const reserved =
      mmap(NULL, reserve, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  must(reserved != MAP_FAILED);
  state_range("reserved", reserved, reserve);
  state("reserved.resident", 0);
  ready();
}
