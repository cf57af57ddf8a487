// an-alignment-that-cannot-be-is-refused - by EINVAL or by none that is aligned otherwise; never by
// less than was asked for.
#include "../expect.h"

int main(void) {
  const size_t no_powers[] = {0, 3, 5, 24, 48, 100, 4097, SIZE_MAX, SIZE_MAX - 1, SIZE_MAX / 2};
  for (size_t i = 0; i < sizeof no_powers / sizeof *no_powers; ++i) {
    const size_t alignment = no_powers[i];
    void* block = &block;
    expect(posix_memalign(&block, alignment, 100) == EINVAL);
    expect(block == &block);
    // glibc rounds up in memalign, and until 2.37 in aligned_alloc.
    errno = 0;
    block = aligned_alloc(alignment, 100);
    expect(block ? (uintptr_t)block % 16 == 0 && (uintptr_t)block >= alignment
                 : errno == EINVAL || errno == ENOMEM);
    free(block);
    errno = 0;
    block = memalign(alignment, 100);
    expect(block ? (uintptr_t)block % 16 == 0 && (uintptr_t)block >= alignment
                 : errno == EINVAL || errno == ENOMEM);
    free(block);
  }
  void* block = &block;
  expect(posix_memalign(&block, 2, 100) == EINVAL && posix_memalign(&block, 4, 100) == EINVAL);
  // A power of two, where no address space has room for it.
  for (int bit = 47; bit < 64; ++bit) {
    const size_t alignment = (size_t)1 << bit;
    errno = 0;
    block = aligned_alloc(alignment, 100);
    expect(block ? (uintptr_t)block % alignment == 0 : errno == ENOMEM || errno == EINVAL);
    expect(posix_memalign(&block, alignment, 100) != 0 || (uintptr_t)block % alignment == 0);
  }
  // Size and alignment that only together are too much.
  errno = 0;
  expect(memalign(1 << 20, (size_t)PTRDIFF_MAX - 100) == NULL && errno == ENOMEM);
}
