// realloc-keeps-what-was-in-it - growing and shrinking across all sizes, among others that do too.
#include "../expect.h"

static size_t less(size_t a, size_t b) { return a < b ? a : b; }

int main(void) {
  // One that grows by steps, and shrinks again.
  unsigned char* block = NULL;
  size_t size = 0;
  for (size_t next = 1; next < 40 * kMiB; next += next / 7 + 1) {
    expect((block = realloc(block, next)));
    expect(holds(block, size < 100000 ? size : 4096, 1));
    fill(block, next < 100000 ? next : 4096, 1);
    // Its last page is used, too.
    if (next >= 100000) block[next - 1] = 9;
    size = next;
  }
  while (size > 10) {
    size -= size / 5 + 1;
    expect((block = realloc(block, size)) && holds(block, less(size, 4096), 1));
  }
  free(block);

  // Many, at random, each checked when it changes.
  enum { kBlocks = 200 };
  static unsigned char* blocks[kBlocks];
  static size_t sizes[kBlocks];
  uint64_t random = 1;
  for (int step = 0; step < 40000; ++step) {
    random = random * 6364136223846793005u + 1442695040888963407u;
    const size_t i = (random >> 33) % kBlocks;
    const size_t next = (random >> 41) % (step % 50 == 0 ? 300000 : 3000) + 1;
    if (step % 3)
      expect((blocks[i] = realloc(blocks[i], next)));
    else
      expect((blocks[i] = reallocarray(blocks[i], next, 1)));
    expect(holds(blocks[i], less(sizes[i], next), (unsigned)i));
    fill(blocks[i], next, (unsigned)i);
    sizes[i] = next;
  }
  for (size_t i = 0; i < kBlocks; ++i) expect(holds(blocks[i], sizes[i], (unsigned)i));

  // Of hundreds of MiB, where moving pages beats copying bytes: both ends arrive.
  enum { kWords = 8 * kMiB };
  size_t count = kWords;
  uint64_t* words = malloc(count * sizeof *words);
  expect(words);
  for (size_t i = 0; i < count; i += 4096) words[i] = i;
  words[count - 1] = 5;
  for (int step = 0; step < 3; ++step) {
    expect((words = realloc(words, count * 2 * sizeof *words)));
    for (size_t i = 0; i < kWords; i += 4096) expect(words[i] == i);
    expect(words[kWords - 1] == 5);
    count *= 2;
  }
  free(words);
}
