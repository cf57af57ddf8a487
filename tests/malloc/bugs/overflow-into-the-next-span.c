// overflow-into-the-next-span - a loop that goes on writing: forwards and backwards, over small
// blocks and medium ones. Between units of blocks there is a guard page where harden is on.
// With  small-up small-down medium-up medium-down
// Under  harden:0  unseen
// Under  harden:1  SIGSEGV
#include "bug.h"

int main(int, char** argv) {
  enum { kBlocks = 2000 };
  const int is_medium = strncmp(argv[1], "medium", 6) == 0;
  const size_t size = is_medium ? 5000 : 64, unit = (is_medium ? 128 : 16) * kKiB;
  static uintptr_t blocks[kBlocks];
  uintptr_t low = UINTPTR_MAX, high = 0;
  for (int i = 0; i < kBlocks; ++i) {
    blocks[i] = (uintptr_t)malloc(size);
    if (blocks[i] < low) low = blocks[i];
    if (blocks[i] > high) high = blocks[i];
  }
  // One that has a unit of them on either side.
  for (int i = 0; i < kBlocks; ++i) {
    if (blocks[i] < low + unit || blocks[i] + unit > high) continue;
    volatile char* const block = (char*)blocks[i];
    const int step = strstr(argv[1], "up") ? 1 : -1;
    for (long at = 0; at < (long)unit && at > -(long)unit; at += step) block[at] = 'x';
    unseen();
  }
  expect(0);
}
