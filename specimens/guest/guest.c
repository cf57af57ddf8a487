// guest.c - the library that specimens load: a function and 64 KiB of data of its own.
#include <stddef.h>

enum { kSize = 64 << 10 };
unsigned char guest_data[kSize] __attribute__((aligned(4096))) = {1};

/// Writes every page of guest_data, so that each is a private copy; their size.
size_t guest_touch(void) {
  for (size_t i = 0; i < kSize; i += 4096) guest_data[i] = (unsigned char)(i >> 12);
  return kSize;
}
