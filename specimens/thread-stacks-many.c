// thread-stacks-many - N idle threads (default 100), each with a stack of 64 KiB.
#include <pthread.h>

#include "specimen.h"

enum { kStack = 64 << 10 };

static pthread_barrier_t all_stood, over;

static void* stand(void* slot) {
  volatile Byte local = 1;
  *(Byte**)slot = (Byte*)(uintptr_t)&local;
  pthread_barrier_wait(&all_stood);
  pthread_barrier_wait(&over);
  return (void*)(uintptr_t)local;
}

int main(int argc, char** argv) {
  const unsigned count = argc > 1 ? (unsigned)atoi(argv[1]) : 100;
  must(count > 0 && count <= 30000);
  Byte** const locals = (Byte**)map_pages(count * sizeof(Byte*) / kPage + 1);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  must(pthread_attr_setstacksize(&attributes, kStack) == 0);
  pthread_barrier_init(&all_stood, NULL, count + 1);
  pthread_barrier_init(&over, NULL, count + 1);
  pthread_t thread;
  for (unsigned i = 0; i < count; ++i) {
    if (pthread_create(&thread, &attributes, stand, &locals[i]) != 0) skip("too many threads");
  }
  pthread_barrier_wait(&all_stood);
  state("threads", count + 1);
  state("stack.reserved", kStack);
  for (unsigned i = 0; i < count; ++i) state(numbered("thread.%d.local", (int)i), locals[i]);
  ready();
}
