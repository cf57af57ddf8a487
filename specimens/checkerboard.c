// checkerboard - N pages (default 512) written in one mapping, an untouched one after each.
// 512 is what a reader of PAGEMAP_SCAN would ask for at once: the last answer is exactly full.
#include "specimen.h"

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? strtoul(argv[1], NULL, 0) : 512;
  Byte* const from = map_pages(2 * count);
  for (size_t i = 0; i < count; ++i) write_pages(from + 2 * i * kPage, 1);
  state_range("board", from, 2 * count * kPage);
  state("board.resident", count * kPage);
  state("board.runs", count);
  ready();
}
