// threads - named threads, each with its stack used to a known depth and a known thread-local
// block. Deep calls have returned: `touched` lies below the stack pointer, and is resident still.
#include <pthread.h>

#include "specimen.h"

enum { kThreads = 4, kStack = 1 << 20, kBlock = 3 * kPage };

static const struct {
  const char* name;
  size_t depth;
} kThread[kThreads] = {
    {"worker", 16 << 10},
    {"fifteen letters", 64 << 10},
    {"line\n\x1b[31mred\\", 256 << 10},  // shown raw, this would colour a terminal
    {"", 8 << 10},
};

static _Thread_local Byte block[kBlock];

static struct Stood {
  pid_t tid;
  Byte *local, *touched, *block, *stack;
  size_t stack_size;
} stood[kThreads];
static pthread_barrier_t all_stood, over;

__attribute__((noinline)) static void touch(size_t depth, Byte** touched) {
  volatile Byte deep[depth];
  for (size_t i = 0; i < depth; i += 64) deep[i] = 1;
  *touched = (Byte*)(uintptr_t)deep;
}

static void* stand(void* argument) {
  const size_t number = (size_t)(uintptr_t)argument;
  struct Stood* const at = &stood[number];
  volatile Byte local = 1;
  must(pthread_setname_np(pthread_self(), kThread[number].name) == 0);
  for (size_t i = 0; i < kBlock; ++i) block[i] = (Byte)number;
  pthread_attr_t attributes;
  must(pthread_getattr_np(pthread_self(), &attributes) == 0);
  must(pthread_attr_getstack(&attributes, (void**)&at->stack, &at->stack_size) == 0);
  pthread_attr_destroy(&attributes);
  at->tid = gettid();
  at->local = (Byte*)(uintptr_t)&local;
  at->block = block;
  touch(kThread[number].depth, &at->touched);
  pthread_barrier_wait(&all_stood);
  pthread_barrier_wait(&over);
  return (void*)(uintptr_t)local;
}

int main(void) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  must(pthread_attr_setstacksize(&attributes, kStack) == 0);
  pthread_barrier_init(&all_stood, NULL, kThreads + 1);
  pthread_barrier_init(&over, NULL, kThreads + 1);
  pthread_t thread;
  for (uintptr_t i = 0; i < kThreads; ++i) {
    must(pthread_create(&thread, &attributes, stand, (void*)i) == 0);
  }
  pthread_barrier_wait(&all_stood);
  state("threads", kThreads + 1);
  for (int i = 0; i < kThreads; ++i) {
    until_asleep(stood[i].tid);
    state(numbered("thread.%d.tid", i), stood[i].tid);
    state(numbered("thread.%d.name", i), kThread[i].name);
    state(numbered("thread.%d.local", i), stood[i].local);
    state_range(numbered("stack.%d", i), stood[i].stack, stood[i].stack_size);  // glibc's word
    state(numbered("stack.%d.resident_at_least", i), kThread[i].depth);
    state_range(numbered("touched.%d", i), stood[i].touched, kThread[i].depth);
    state(numbered("touched.%d.anonymous", i), kThread[i].depth);
    state_range(numbered("tls.%d", i), stood[i].block, kBlock);
    state(numbered("tls.%d.anonymous", i), kBlock);
  }
  ready();
}
