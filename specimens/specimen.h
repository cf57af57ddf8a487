// specimens/specimen.h - how a specimen says what it did, and waits to be told to go on.
//
//     key=value   a statement: sizes in bytes, addresses as 0x…, text escaped so that it is one
//     line ready       all is stated, and stands until a line comes on stdin; end of file ends the
//     program
//
// A range that is stated has two keys, X.address and X.size; more of X are what was done to it.
// Nothing here uses stdio or the heap, so that speaking does not change the memory spoken of.
// Errors  What every Linux has and was refused ends the program with status 2; what this machine
//         may lack is skip().
// Threads Only the main thread speaks.
#pragma once
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef unsigned char Byte;
enum { kPage = 4096, kHugePage = 2 << 20 };

// `must(open(…) >= 0)`: the condition is always evaluated.
#define must(condition) ((condition) ? (void)0 : give_up(#condition))

static inline void give_up(const char* condition) {
  dprintf(STDERR_FILENO, "specimen: %s: %s\n", condition, strerror(errno));
  _exit(2);
}

static size_t said_used;
static char said[4096];

static inline void speak(void) {
  for (size_t from = 0; from < said_used;) {
    const ssize_t written = write(STDOUT_FILENO, said + from, said_used - from);
    if (written < 0 && errno == EINTR) continue;
    must(written > 0);
    from += (size_t)written;
  }
  said_used = 0;
}

__attribute__((format(printf, 1, 2))) static inline void say(const char* format, ...) {
  char line[512];
  va_list arguments;
  va_start(arguments, format);
  const int length = vsnprintf(line, sizeof line, format, arguments);
  va_end(arguments);
  must(length >= 0 && (size_t)length < sizeof line);
  if (said_used + (size_t)length > sizeof said) speak();
  memcpy(said + said_used, line, (size_t)length);
  said_used += (size_t)length;
}

/// "stack.3.size" from "stack.%d.size" and 3; good until the next call.
static inline const char* numbered(const char* format, int number) {
  static char key[64];
  snprintf(key, sizeof key, format, number);
  return key;
}

static inline void state_number(const char* key, unsigned long long value) {
  say("%s=%llu\n", key, value);
}
static inline void state_address(const char* key, const volatile void* value) {
  say("%s=%p\n", key, (const void*)value);
}
/// Control bytes and backslashes as strata writes them: \n, \t, \\, \x1B.
static inline void state_text(const char* key, const char* value) {
  say("%s=", key);
  for (; *value; ++value) {
    const Byte c = (Byte)*value;
    if (c == '\n')
      say("\\n");
    else if (c == '\t')
      say("\\t");
    else if (c == '\\')
      say("\\\\");
    else if (c < 0x20 || c == 0x7F)
      say("\\x%02X", c);
    else
      say("%c", c);
  }
  say("\n");
}

#ifdef __cplusplus
#include <concepts>
inline void state(const char* key, std::integral auto value) {
  state_number(key, static_cast<unsigned long long>(value));
}
inline void state(const char* key, const char* value) { state_text(key, value); }
inline void state(const char* key, const volatile void* value) { state_address(key, value); }
#else
#define state(key, value)            \
  _Generic((value),                  \
      char*: state_text,             \
      const char*: state_text,       \
      void*: state_address,          \
      const void*: state_address,    \
      Byte*: state_address,          \
      const Byte*: state_address,    \
      volatile Byte*: state_address, \
      default: state_number)(key, value)
#endif

/// X.address and X.size, the two keys of a range.
static inline void state_range(const char* name, const volatile void* address, size_t size) {
  say("%s.address=%p\n%s.size=%zu\n", name, (const void*)address, name, size);
}

/// All is stated: waits for a line; the end of stdin ends the program.
static inline void ready(void) {
  say("ready\n");
  speak();
  char byte = 0;
  while (byte != '\n') {
    const ssize_t got = read(STDIN_FILENO, &byte, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) exit(0);
  }
}

/// This machine has no such thing.
__attribute__((noreturn)) static inline void skip(const char* reason) {
  state_text("skip", reason);
  ready();
  exit(0);
}

/// For a process that `parent` has started: it ends when that one does, or has already.
static inline void end_with_parent(pid_t parent) {
  must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
  if (getppid() != parent) _exit(0);
}

/// Returns once thread `tid` of this process is blocked in the kernel.
static inline void until_asleep(pid_t tid) {
  char path[64], stat[512];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
  for (;; sched_yield()) {
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    must(file >= 0);
    const ssize_t length = read(file, stat, sizeof stat - 1);
    close(file);
    must(length > 0);
    stat[length] = 0;
    const char* const after_name = strrchr(stat, ')');
    if (after_name != NULL && after_name[2] == 'S') return;
  }
}

/// Private anonymous pages in a mapping of their own, none touched, never huge. A page without
/// access on either side keeps the kernel from merging them with a neighbour.
static inline Byte* map_pages(size_t pages) {
  Byte* const from = (Byte*)mmap(NULL, (pages + 2) * kPage, PROT_NONE,
                                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  must(from != MAP_FAILED && sysconf(_SC_PAGESIZE) == kPage);
  must(mprotect(from + kPage, pages * kPage, PROT_READ | PROT_WRITE) == 0);
  madvise(from + kPage, pages * kPage, MADV_NOHUGEPAGE);  // refused where nothing is ever huge
  return from + kPage;
}

/// Room for `huge_pages` aligned to their size, none touched; huge pages are asked for.
static inline Byte* map_huge(size_t huge_pages) {
  const size_t size = (huge_pages + 2) * kHugePage;
  Byte* const from =
      (Byte*)mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  must(from != MAP_FAILED);
  Byte* const aligned = (Byte*)(((uintptr_t)from + 2 * kHugePage - 1) & -(uintptr_t)kHugePage);
  must(mprotect(aligned, huge_pages * kHugePage, PROT_READ | PROT_WRITE) == 0);
  if (madvise(aligned, huge_pages * kHugePage, MADV_HUGEPAGE) != 0) {
    skip("this kernel has no transparent huge pages");
  }
  return aligned;
}

/// Writes one number into each page, different in each: no two pages are alike.
static inline void write_pages(volatile void* from, size_t pages) {
  for (size_t i = 0; i < pages; ++i) {
    volatile uintptr_t* const word = (volatile uintptr_t*)((uintptr_t)from + i * kPage);
    *word = (uintptr_t)word;
  }
}

static inline void read_pages(const volatile void* from, size_t pages) {
  for (size_t i = 0; i < pages; ++i) (void)*((const volatile Byte*)from + i * kPage);
}

/// How many of these pages mincore(2) calls resident; a state key made of it says so.
static inline size_t count_by_mincore(void* from, size_t pages) {
  size_t resident = 0;
  for (size_t i = 0; i < pages; ++i) {
    Byte answer = 0;
    must(mincore((Byte*)from + i * kPage, kPage, &answer) == 0);
    resident += answer & 1u;
  }
  return resident;
}
