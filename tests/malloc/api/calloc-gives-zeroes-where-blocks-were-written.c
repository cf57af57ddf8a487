// calloc-gives-zeroes-where-blocks-were-written - at every size, also where memory was given back
// between, and in what realloc left over.
#include "../expect.h"

static int zeroed(const unsigned char* bytes, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i]) return 0;
  }
  return 1;
}

static void dirty_and_clear(size_t size, int each) {
  static unsigned char* blocks[64];
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < each; ++i) memset(blocks[i] = malloc(size), 0xa5, size);
    for (int i = 0; i < each; ++i) free(blocks[(i * 5 + 3) % each]);
    if (round == 1) malloc_trim(0);
    for (int i = 0; i < each; ++i) {
      blocks[i] = i % 2 ? calloc(size, 1) : calloc(1, size);
      expect(blocks[i] && zeroed(blocks[i], size));
      memset(blocks[i], 0x5a, malloc_usable_size(blocks[i]));
    }
    for (int i = 0; i < each; ++i) free(blocks[i]);
  }
}

int main(void) {
  for (size_t size = 1; size < 600; size += 3) dirty_and_clear(size, 64);
  for (size_t size = 600; size < 100000; size += size / 13) dirty_and_clear(size, 11);
  for (size_t size = 100000; size < 20000000; size += size / 2) dirty_and_clear(size, 3);
  // A large block made smaller leaves written pages behind, one made larger may take them.
  for (int i = 0; i < 20; ++i) {
    void* const block = malloc(4 * kMiB);
    memset(block, 0xff, 4 * kMiB);
    void* const less = realloc(block, (size_t)(100 + i * 37) * kKiB);
    const size_t next = (size_t)(300 + i * 91) * kKiB;
    void* const cleared = calloc(1, next);
    expect(zeroed(cleared, next));
    memset(cleared, 0xff, next);
    free(less);
    free(cleared);
  }
}
