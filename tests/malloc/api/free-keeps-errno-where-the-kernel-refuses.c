// free-keeps-errno-where-the-kernel-refuses - no mapping may be added, so parts cannot be unmapped.
#include "../life/churn.h"

int main(void) {
  const size_t most = most_mappings();
  enum { kBlocks = 200 };
  static void* blocks[kBlocks];
  for (int i = 0; i < kBlocks; ++i) {
    blocks[i] = malloc(i % 2 ? 300 * kKiB : 4 * kMiB);
    expect(blocks[i]);
    memset(blocks[i], 1, 5000);
  }
  char* const many = mmap(NULL, (most + 2) * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(many != MAP_FAILED);
  // Each second page otherwise: neighbours alike would be one mapping.
  for (size_t i = 1; i < most && mprotect(many + i * 4096, 4096, PROT_READ) == 0; i += 2) {
  }
  for (int i = 0; i < kBlocks; i += 2) {
    errno = 77;
    free(blocks[i]);
    expect(errno == 77);
  }
  expect(munmap(many, (most + 2) * 4096) == 0);
  for (int i = 1; i < kBlocks; i += 2) free(blocks[i]);
  for (int i = 0; i < kBlocks; ++i) expect((blocks[i] = malloc(300 * kKiB)));
}
