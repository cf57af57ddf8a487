// a-threads-blocks-outlive-it - others read, grow and free them, and allocate where it did.
#include "churn.h"

enum { kBlocks = 500, kRounds = 40 };
struct Part {
  unsigned char* blocks[kBlocks];
  size_t sizes[kBlocks];
  unsigned seed;
};

static void* allocate(void* argument) {
  struct Part* const part = argument;
  uint64_t random = part->seed;
  for (int i = 0; i < kBlocks; ++i) {
    part->sizes[i] = random_size(&random) % 50000;
    fill(part->blocks[i] = malloc(part->sizes[i]), part->sizes[i], part->seed);
  }
  churn(part->seed, 200);
  // Some threads do not return from their function.
  if (part->seed % 3 == 0) pthread_exit(NULL);
  return NULL;
}

static void* check_and_free(void* argument) {
  struct Part* const part = argument;
  for (int i = 0; i < kBlocks; ++i) {
    expect(holds(part->blocks[i], part->sizes[i], part->seed));
    if (i % 5 == 0) {
      part->blocks[i] = realloc(part->blocks[i], part->sizes[i] + 1000);
      expect(holds(part->blocks[i], part->sizes[i], part->seed));
    }
    if (i % 2) free(part->blocks[i]);
  }
  return NULL;
}

int main(void) {
  static struct Part parts[3];
  for (unsigned round = 0; round < kRounds; ++round) {
    pthread_t threads[3];
    for (unsigned i = 0; i < 3; ++i) {
      parts[i].seed = round * 3 + i + 1;
      expect(pthread_create(&threads[i], NULL, allocate, &parts[i]) == 0);
    }
    for (int i = 0; i < 3; ++i) expect(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < 3; ++i) {
      expect(pthread_create(&threads[i], NULL, check_and_free, &parts[(i + 1) % 3]) == 0);
    }
    for (int i = 0; i < 3; ++i) expect(pthread_join(threads[i], NULL) == 0);
    for (int i = 0; i < 3; ++i) {
      for (int n = 0; n < kBlocks; n += 2) free(parts[i].blocks[n]);
    }
  }
}
