// few-mappings-left-are-enough - 65,000 are the program's own, and vm.max_map_count is all but
// reached: it allocates on, and frees also where that would split a mapping.
#include "churn.h"

// Takes pages out of `many`, each a mapping of its own, until none is left.
static size_t take_all(char* many, size_t pages) {
  size_t i = 1;
  for (; i < pages && mprotect(many + i * 4096, 4096, PROT_READ) == 0; i += 2) {
  }
  return i;
}

static void allocate(size_t size, int count, int must) {
  static void* blocks[100000];
  for (int i = 0; i < count; ++i) {
    errno = 0;
    blocks[i] = malloc(size);
    expect(blocks[i] || (!must && errno == ENOMEM));
    if (blocks[i]) memset(blocks[i], i, size < 4096 ? size : 4096);
  }
  // Every other one first.
  for (int i = 0; i < count; i += 2) free(blocks[i]);
  for (int i = 1; i < count; i += 2) {
    expect(!blocks[i] || *(unsigned char*)blocks[i] == (unsigned char)i);
    free(blocks[i]);
  }
}

static void all_sizes(int must) {
  allocate(64, 100000, must);
  allocate(5000, 2000, must);
  allocate(64 * kKiB, 256, must);
  allocate(300 * kKiB, 100, must);
  allocate(4 * kMiB, 20, must);
}

int main(void) {
  const size_t most = most_mappings();
  const size_t pages = most + 2;
  char* const many = mmap(NULL, pages * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(many != MAP_FAILED);
  void* const before = malloc(20 * kMiB);
  expect(before);
  size_t end = take_all(many, pages);
  expect(end > 60000);
  // 64 may be had again.
  expect(mprotect(many + (end - 66) * 4096, 66 * 4096, PROT_NONE) == 0);
  all_sizes(1);
  // None: what needs one is refused, and nothing else happens.
  take_all(many, pages);
  all_sizes(0);
  free(before);
  all_sizes(0);
  expect(munmap(many, pages * 4096) == 0);
  all_sizes(1);
}
