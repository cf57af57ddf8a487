// blocks-are-freed-by-their-size - C23's free_sized and free_aligned_sized are found at run time.
#include "../expect.h"

int main(void) {
  void (*const free_sized)(void*, size_t) =
      (void (*)(void*, size_t))dlsym(RTLD_DEFAULT, "free_sized");
  void (*const free_aligned_sized)(void*, size_t, size_t) =
      (void (*)(void*, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
  expect(free_sized && free_aligned_sized);
  free_sized(NULL, 0);
  free_sized(NULL, 100);
  free_aligned_sized(NULL, 64, 100);
  for (size_t size = 0; size < 3 * kMiB; size += size / 5 + 1) {
    for (int round = 0; round < 3; ++round) {
      errno = 77;
      free_sized(malloc(size), size);
      free_sized(calloc(size, 1), size);
      free_sized(realloc(malloc(5), size + 1), size + 1);
      free_aligned_sized(aligned_alloc(64, size), 64, size);
      free_aligned_sized(aligned_alloc(8192, size), 8192, size);
      expect(errno == 77);
    }
  }
  // realloc() may leave what shrinks where it is.
  for (size_t size = 100; size < kMiB; size = size * 5 / 4) {
    for (size_t part = 1; part < 10; ++part) {
      const size_t less = size / 10 * part + 1;
      free_sized(realloc(malloc(size), less), less);
    }
  }
  void* const block = malloc(1000);
  free_sized(block, 1000);
  void* const next = malloc(1000);
  expect(next);
  free(next);
}
