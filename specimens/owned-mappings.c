// owned-mappings - anonymous mappings, each held by one pointer of a known place, and one by none.
#include <pthread.h>

#include "specimen.h"

enum { kPages = 4 };

typedef struct {
  size_t size;
  Byte* buffer;
} Request;

static Byte* held_by_data;
// What is stated and must not be found here: complements, which point nowhere.
static uintptr_t hidden_in_thread, hidden_in_request, hidden_in_chain, hidden_from_all;
static pthread_barrier_t stood, over;
static pid_t tid;

static Byte* map_written(void) {
  Byte* const made = map_pages(kPages);
  write_pages(made, kPages);
  return made;
}
static uintptr_t hide(const volatile Byte* address) { return ~(uintptr_t)address; }
static void state_hidden(const char* name, uintptr_t hidden) {
  state_range(name, (const void*)~hidden, kPages * kPage);
}

static void* stand(void* unused) {
  Byte* volatile own = map_written();
  hidden_in_thread = hide(own);
  tid = gettid();
  must(pthread_setname_np(pthread_self(), "keeper of one") == 0);
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return own == NULL ? NULL : unused;
}

__attribute__((noinline)) static Request* make_request(void) {
  Request* const request = malloc(sizeof *request);
  must(request != NULL);
  request->buffer = map_written();
  hidden_in_request = hide(request->buffer);
  return request;
}

/// A word in the mapping at `from` leads to the one that is made.
__attribute__((noinline)) static void chain(Byte* from) {
  Byte* const made = map_written();
  hidden_in_chain = hide(made);
  memcpy(from + 64, &made, sizeof made);
}

__attribute__((noinline)) static void lose_one(void) { hidden_from_all = hide(map_written()); }

__attribute__((noinline)) static void state_all(const Byte* held_by_stack) {
  state_range("data", held_by_data, kPages * kPage);
  state_range("stack", held_by_stack, kPages * kPage);
  state_hidden("thread", hidden_in_thread);
  state_hidden("heap", hidden_in_request);
  state_hidden("chain", hidden_in_chain);
  state_hidden("nobody", hidden_from_all);
  state("nobody.resident", kPages * kPage);
  state("thread.tid", tid);
}

/// What calls have left below the stack pointer is gone, so no later frame has it in its gaps.
__attribute__((noinline)) static void scrub(void) {
  volatile Byte deep[32 << 10];
  for (size_t i = 0; i < sizeof deep; ++i) deep[i] = 0;
}

int main(void) {
  held_by_data = map_written();
  Byte* volatile held_by_stack = map_written();
  Request* volatile request = make_request();
  chain(held_by_stack);
  lose_one();
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, 2);
  pthread_t thread;
  must(pthread_create(&thread, NULL, stand, NULL) == 0);
  pthread_barrier_wait(&stood);
  until_asleep(tid);
  state_all(held_by_stack);
  scrub();
  ready();
  return request == NULL || held_by_stack == NULL;
}
