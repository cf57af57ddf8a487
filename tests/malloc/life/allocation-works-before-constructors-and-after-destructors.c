// allocation-works-before-constructors-and-after-destructors - in an ifunc's resolver,
// .preinit_array, the first and the last constructor, atexit, destructors and .fini_array. Flags
// -Wl,-z,lazy
#include "churn.h"

static void* from_resolver;
static int answer(void) { return 42; }
static int (*resolve(void))(void) {
  from_resolver = malloc(100);
  memset(from_resolver, 7, 100);
  return answer;
}
int chosen(void) __attribute__((ifunc("resolve")));

static void* from_preinit;
static void preinit(void) {
  fill(from_preinit = malloc(3000), 3000, 1);
  free(calloc(100, 100));
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit_entry)(void) = preinit;

static void *from_first, *from_last;
__attribute__((constructor(101))) static void first(void) {
  fill(from_first = malloc(50), 50, 2);
  churn(1, 300);
}
__attribute__((constructor(65535))) static void last(void) {
  fill(from_last = malloc(200000), 200000, 3);
  churn(2, 300);
}

static void leave(void) {
  free(from_first);
  churn(3, 300);
}
__attribute__((destructor(65535))) static void destroy(void) {
  expect(holds(from_last, 200000, 3));
  free(from_last);
  churn(4, 300);
}
__attribute__((destructor(101))) static void destroy_last(void) {
  expect(holds(from_preinit, 3000, 1));
  free(from_preinit);
  churn(5, 300);
}
static void* kept;
static void fini(void) {
  free(kept);
  churn(6, 300);
}
__attribute__((section(".fini_array"), used)) static void (*fini_entry)(void) = fini;

int main(void) {
  expect(chosen() == 42);
  const char* const bytes = from_resolver;
  expect(bytes && bytes[0] == 7 && bytes[99] == 7);
  free(from_resolver);
  expect(holds(from_preinit, 3000, 1) && holds(from_first, 50, 2) && holds(from_last, 200000, 3));
  kept = malloc(64);
  expect(atexit(leave) == 0);
}
