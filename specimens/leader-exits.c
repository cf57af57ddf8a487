// leader-exits - the first thread has ended and others go on: the leader is a zombie without
// memory.
#include <pthread.h>

#include "specimen.h"

enum { kPages = 64 };

static void* go_on(void* unused) {
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  // The leader ends in its own time.
  char stat[512];
  for (char letter = '?'; letter != 'Z'; sched_yield()) {
    const int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    must(file >= 0);
    const ssize_t length = read(file, stat, sizeof stat - 1);
    must(length > 0);
    close(file);
    stat[length] = 0;
    letter = strrchr(stat, ')')[2];
  }
  state("pid", getpid());
  state("living.tid", gettid());
  state_range("written", from, kPages * kPage);
  state("written.pid", gettid());
  state("written.resident", kPages * kPage);
  ready();
  exit(0);
  return unused;
}

int main(void) {
  pthread_t thread;
  must(pthread_create(&thread, NULL, go_on, NULL) == 0);
  pthread_exit(NULL);
}
