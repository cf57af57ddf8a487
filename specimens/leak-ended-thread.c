// leak-ended-thread - blocks that only a thread that has ended held: on its stack, and in its
// thread-local block. glibc keeps both mapped for the next thread, as they were; nobody reads them.
#include <pthread.h>

#include "leak-book.h"

enum { kSize = 100 };

static _Thread_local void* volatile in_thread_local;
static Byte* stack;
static size_t stack_size;

__attribute__((noinline)) static void lose(void) {
  in_thread_local = take_booked(kDirect, "thread-local", kSize);
}

static void* end(void* unused) {
  void* volatile own = take_booked(kDirect, "stack", kSize);
  pthread_attr_t attributes;
  must(pthread_getattr_np(pthread_self(), &attributes) == 0);
  must(pthread_attr_getstack(&attributes, (void**)&stack, &stack_size) == 0);
  pthread_attr_destroy(&attributes);
  lose();
  return own == NULL ? NULL : unused;
}

int main(void) {
  pthread_t thread;
  must(pthread_create(&thread, NULL, end, NULL) == 0);
  must(pthread_join(thread, NULL) == 0);
  state("threads", 1);
  state_range("stack", stack, stack_size);  // glibc's word
  state_book();
  state_glibc();
  wipe();
  ready();
}
