// every-block-is-aligned-to-sixteen - as the ABI's max_align_t wants, also where it is smaller.
#include "../expect.h"

static int aligned(const void* block) { return block && (uintptr_t)block % 16 == 0; }

int main(void) {
  enum { kEach = 20 };

  for (size_t size = 0; size < 5000; ++size) {
    void* blocks[kEach];
    const int each = size % 16 == 0 ? kEach : 3;
    for (int i = 0; i < each; ++i) {
      blocks[i] = i % 3 == 0 ? malloc(size) : i % 3 == 1 ? calloc(1, size) : realloc(NULL, size);
      expect(aligned(blocks[i]));
    }
    for (int i = 0; i < each; ++i) free(blocks[i]);
  }
  for (size_t size = 5000; size < 64 * kMiB; size += size / 9) {
    void* block = malloc(size);
    expect(aligned(block));
    expect(aligned(block = realloc(block, size + 1)));
    free(block);
  }
}
