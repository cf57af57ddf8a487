// a-size-of-zero-is-a-block - each its own; but realloc to nothing frees and gives none, as glibc
// documents it.
#include "../expect.h"

int main(void) {
  void* const first = malloc(0);
  void* const second = malloc(0);
  expect(first && second && first != second);
  expect((uintptr_t)first % 16 == 0);
  void* const zeroed = calloc(0, 8);
  void* const none = calloc(8, 0);
  expect(zeroed && none && zeroed != none && zeroed != first);
  void* const fresh = realloc(NULL, 0);
  expect(fresh);
  void* const array = reallocarray(NULL, 0, 8);
  expect(array && array != fresh);
  void* const aligned = aligned_alloc(64, 0);
  expect(aligned && (uintptr_t)aligned % 64 == 0);
  void* posix = NULL;
  expect(posix_memalign(&posix, 256, 0) == 0 && posix && (uintptr_t)posix % 256 == 0);
  void* const page = valloc(0);
  expect(page && (uintptr_t)page % 4096 == 0);
  void* const pages = pvalloc(0);
  expect(pages && (uintptr_t)pages % 4096 == 0);
  void* const all[] = {first, second, zeroed, none, fresh, array, aligned, posix, page, pages};
  for (size_t i = 0; i < sizeof all / sizeof *all; ++i) free(all[i]);

  errno = 77;
  expect(realloc(malloc(100), 0) == NULL);
  expect(realloc(malloc(10 * kMiB), 0) == NULL);
  expect(reallocarray(malloc(100), 0, 100) == NULL);
  expect(reallocarray(malloc(100), 100, 0) == NULL);
  expect(errno == 77);
  free(NULL);
  expect(malloc_usable_size(NULL) == 0);
}
