// tests/malloc/bugs/bug.h - what the programs with one bug each have in common.
#pragma once

#include "../expect.h"

// The last line of each: what should have ended it did not.
#define unseen()                         \
  do {                                   \
    dprintf(2, "the bug went unseen\n"); \
    _exit(0);                            \
  } while (0)

__attribute__((unused)) static size_t number(const char* text) { return strtoull(text, NULL, 0); }

__attribute__((unused)) static void* run_thread(void* (*work)(void*), void* argument) {
  pthread_t thread;
  void* result;
  expect(pthread_create(&thread, NULL, work, argument) == 0);
  expect(pthread_join(thread, &result) == 0);
  return result;
}
