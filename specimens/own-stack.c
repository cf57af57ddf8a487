// own-stack - a thread on a stack that the program made itself, in the midst of a larger mapping.
#include <pthread.h>

#include "specimen.h"

enum { kPages = 256, kStackFrom = 64, kStackPages = 128 };

static pthread_barrier_t stood, over;
static Byte* local_of_thread;
static pid_t tid;

static void* stand(void* unused) {
  volatile Byte local = 1;
  local_of_thread = (Byte*)(uintptr_t)&local;
  tid = gettid();
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return unused;
}

int main(void) {
  Byte* const all = map_pages(kPages);
  write_pages(all, kPages);
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  Byte* const stack = all + kStackFrom * kPage;
  must(pthread_attr_setstack(&attributes, stack, kStackPages * kPage) == 0);
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, 2);
  pthread_t thread;
  must(pthread_create(&thread, &attributes, stand, NULL) == 0);
  pthread_barrier_wait(&stood);
  until_asleep(tid);
  state("threads", 2);
  state("thread.tid", tid);
  state("thread.local", local_of_thread);
  state_range("all", all, kPages * kPage);
  state("all.resident", kPages * kPage);
  state_range("stack", stack, kStackPages * kPage);
  ready();
}
