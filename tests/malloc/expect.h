// tests/malloc/expect.h - what the malloc's black-box tests are written in; C and C++.
//
// A test is a program that knows malloc by its interface alone, so that any allocator can be judged
// by it: $STRATA_MALLOC_LIB is preloaded, or, where that is empty, it is libc's. Before main() it
// makes sure of that: a preload that failed would silently judge libc.
//
//   expect(CONDITION)     or the test ends with 1, the line and the condition
//   opaque(P)             P, of which the compiler now knows nothing
//   fill(P, N, SEED)      writes a pattern; holds(P, N, SEED) asks whether it is there still
//   ended_well(PID)       waits for a child and asks whether it ended with 0
#pragma once

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { kKiB = 1024, kMiB = 1024 * 1024 };

// dprintf() writes from its stack: what has run out of memory can still say so.
#define expect(condition)                                                                      \
  ((condition)                                                                                 \
       ? (void)0                                                                               \
       : (dprintf(2, "%s:%d: not so: %s (errno %d)\n", __FILE__, __LINE__, #condition, errno), \
          _exit(1)))

__attribute__((unused)) static inline void* opaque(const void* pointer) {
  void* result = (void*)(uintptr_t)pointer;
  __asm__ volatile("" : "+r"(result) : : "memory");
  return result;
}

__attribute__((unused)) static unsigned char pattern_(size_t i, unsigned seed) {
  return (unsigned char)(i * 31 + (i >> 8) * 17 + seed * 97 + 1);
}
__attribute__((unused)) static void fill(void* pointer, size_t size, unsigned seed) {
  unsigned char* const bytes = (unsigned char*)pointer;
  for (size_t i = 0; i < size; ++i) bytes[i] = pattern_(i, seed);
}
__attribute__((unused)) static int holds(const void* pointer, size_t size, unsigned seed) {
  const unsigned char* const bytes = (const unsigned char*)pointer;
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != pattern_(i, seed)) return 0;
  }
  return 1;
}

__attribute__((unused)) static int ended_well(pid_t pid) {
  int status = -1;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return 1;
  dprintf(2, "the child's status is %#x\n", (unsigned)status);
  return 0;
}

// The file that `name` comes from, as the program sees it.
__attribute__((unused)) static const char* file_of(const char* name) {
  Dl_info found;
  void* const symbol = dlsym(RTLD_DEFAULT, name);
  return symbol && dladdr(symbol, &found) ? found.dli_fname : "";
}

#ifndef EXPECT_ANY_ALLOCATOR
__attribute__((constructor, unused)) static void know_the_allocator_(void) {
  const char* const library = getenv("STRATA_MALLOC_LIB");
  if (!library || !*library) return;
  static char wanted[PATH_MAX], used[PATH_MAX];
  if (realpath(library, wanted) && realpath(file_of("malloc"), used) && !strcmp(wanted, used))
    return;
  dprintf(2, "malloc comes from %s, not from %s\n", file_of("malloc"), library);
  _exit(99);
}
#endif

#ifdef __cplusplus
}
#endif
