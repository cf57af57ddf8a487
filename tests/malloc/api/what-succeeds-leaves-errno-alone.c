// what-succeeds-leaves-errno-alone - programs read errno after a free that stands between.
#include "../expect.h"

#define untouched(statement) \
  do {                       \
    errno = 77;              \
    statement;               \
    expect(errno == 77);     \
  } while (0)

static void all_functions(size_t size) {
  void *block, *other;
  untouched(block = malloc(size));
  expect(block);
  untouched(block = realloc(block, size * 2 + 1));
  untouched(block = realloc(block, size / 2 + 1));
  untouched(free(block));
  untouched(block = calloc(size, 1));
  untouched(block = reallocarray(block, 2, size + 1));
  untouched((void)malloc_usable_size(block));
  untouched(free(block));
  untouched(block = aligned_alloc(4096, (size + 4095) & ~(size_t)4095));
  untouched(expect(posix_memalign(&other, 64, size) == 0));
  untouched(free(other));
  untouched(free(block));
  untouched(block = memalign(1024, size));
  untouched(free(block));
  untouched(block = valloc(size));
  untouched(free(block));
  untouched(block = pvalloc(size));
  untouched(free(block));
}

static void* work(void* unused) {
  for (size_t size = 1; size < 64 * kMiB; size = size * 3 + 1) all_functions(size);
  return unused;
}

int main(void) {
  untouched(free(NULL));
  work(NULL);
  pthread_t thread;
  expect(pthread_create(&thread, NULL, work, NULL) == 0 && pthread_join(thread, NULL) == 0);
  // Frees in a row, as giving memory back is where the kernel is asked.
  enum { kBlocks = 20000 };
  static void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; ++i) untouched(blocks[i] = malloc((size_t)(i % 64) * 64 + 1));
  for (int i = 0; i < kBlocks; ++i) untouched(free(blocks[i]));
  untouched((void)malloc_trim(0));
}
