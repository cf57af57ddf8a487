// sizes-that-cannot-be-give-null-and-enomem - in every function, and what was there stays.
#include "../expect.h"

#define refused(call)             \
  do {                            \
    errno = 0;                    \
    expect(opaque(call) == NULL); \
    expect(errno == ENOMEM);      \
  } while (0)

int main(void) {
  volatile size_t most = PTRDIFF_MAX, all = SIZE_MAX, half = SIZE_MAX / 2 + 1;
  void* const kept = malloc(100);
  fill(kept, 100, 1);
  const size_t sizes[] = {
      most,       most + 1,   all,         all - 1,          all - 15,    all - 16, all - 31,
      all - 4095, all - 4096, all - 65536, all - (2u << 20), most - 4096, half};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    const size_t size = sizes[i];
    refused(malloc(size));
    refused(calloc(size, 1));
    refused(calloc(1, size));
    refused(realloc(NULL, size));
    refused(realloc(kept, size));
    refused(reallocarray(kept, 1, size));
    refused(aligned_alloc(64, size & ~(size_t)63));
    refused(aligned_alloc(4096, size));
    refused(memalign(8, size));
    refused(memalign(1 << 20, size));
    refused(valloc(size));
    refused(pvalloc(size));
    void* unchanged = kept;
    // Its errno is nobody's: POSIX leaves it open, and glibc sets it.
    expect(posix_memalign(&unchanged, 64, size) == ENOMEM);
    expect(unchanged == kept);
  }
  // Products that pass the end, and those that come out small behind it.
  const size_t factors[][2] = {{half, 2},
                               {2, half},
                               {all, all},
                               {all / 16 + 2, 16},
                               {(size_t)1 << 32, (size_t)1 << 32},
                               {((size_t)1 << 32) + 1, (size_t)1 << 32},
                               {all / 2, 3}};
  for (size_t i = 0; i < sizeof factors / sizeof *factors; ++i) {
    refused(calloc(factors[i][0], factors[i][1]));
    refused(reallocarray(NULL, factors[i][0], factors[i][1]));
    refused(reallocarray(kept, factors[i][0], factors[i][1]));
  }
  expect(holds(kept, 100, 1));
  // And it goes on.
  void* const after = malloc(100);
  expect(after && after != kept);
  free(after);
  free(kept);
}
