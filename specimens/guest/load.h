// guest/load.h - a copy of guest.so for a specimen to load and do away with.
#pragma once
#include <dlfcn.h>
#include <limits.h>

#include "../specimen.h"

/// Opens the guest.so that stands beside this program: before mounts are changed, after which the
/// program's own path may be that of another root.
static inline int open_guest(void) {
  char from[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", from, sizeof from - sizeof "guest.so");
  must(length > 0);
  from[length] = 0;
  strcpy(strrchr(from, '/') + 1, "guest.so");
  const int source = open(from, O_RDONLY | O_CLOEXEC);
  must(source >= 0);
  return source;
}

/// Copies it to `to`, and closes it.
static inline void copy_guest(int source, const char* to) {
  const int copy = open(to, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0700);
  must(copy >= 0);
  char block[4096];
  for (ssize_t got; (got = read(source, block, sizeof block)) > 0;) {
    must(write(copy, block, (size_t)got) == got);
  }
  close(source);
  close(copy);
}

/// Loads it, writes its data, and states both.
static inline void load_guest(const char* path) {
  void* const guest = dlopen(path, RTLD_NOW);
  must(guest != NULL);
  size_t (*const touch)(void) = (size_t (*)(void))dlsym(guest, "guest_touch");
  Byte* const data = (Byte*)dlsym(guest, "guest_data");
  must(touch != NULL && data != NULL);
  const size_t size = touch();
  state("path", path);
  state("function", (const void*)touch);
  state_range("data", data, size);
  state("data.anonymous", size);
}
