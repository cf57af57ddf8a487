// what-a-busy-thread-left-goes-back-too - pages that nobody uses leave from between blocks that
// live while their thread works on with others; and the thread that does it ends when it is
// switched off.
#include "churn.h"

static int threads(void) {
  char line[256];
  int count = -1;
  FILE* const status = fopen("/proc/self/status", "r");
  expect(status);
  while (fgets(line, sizeof line, status)) sscanf(line, "Threads: %d", &count);
  fclose(status);
  return count;
}

int main(void) {
  enum { kBlocks = 64 * 1024, kSize = 1000, kTurns = 60 * 1000 };
  int (*const set)(const char*, const char*) =
      (int (*)(const char*, const char*))dlsym(RTLD_DEFAULT, "strata_malloc_option");
  if (!set) return 77;  // another allocator
  expect(set("decay", "80") == 0 && set("background", "1") == 0);
  static char* blocks[kBlocks];
  const size_t before = resident();
  for (int i = 0; i < kBlocks; ++i) memset(blocks[i] = malloc(kSize), 1, kSize);
  for (int i = 0; i < kBlocks; ++i) {
    if (i % 64) free(blocks[i]);
  }
  // Blocks of other sizes, so many that each turn goes to the spans.
  static void* others[4000];
  int turn = 0;
  for (; turn < kTurns && resident() - before > (size_t)kBlocks * kSize / 3; ++turn) {
    for (int i = 0; i < 4000; ++i) others[i] = malloc(100);
    for (int i = 0; i < 4000; ++i) free(others[i]);
    usleep(1000);
  }
  dprintf(1, "%zu KiB resident after %d turns\n", (resident() - before) >> 10, turn);
  expect(turn < kTurns);
  for (int i = 0; i < kBlocks; i += 64) expect(blocks[i][0] == 1 && blocks[i][kSize - 1] == 1);
  expect(set("background", "0") == 0);
  for (turn = 0; turn < kTurns && threads() > 1; ++turn) usleep(1000);
  expect(turn < kTurns);
}
