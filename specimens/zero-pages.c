// zero-pages - N anonymous pages (default 512) that were read and never written.
#include "specimen.h"

int main(int argc, char** argv) {
  const size_t pages = argc > 1 ? strtoul(argv[1], NULL, 0) : 512;
  Byte* const from = map_pages(pages);
  read_pages(from, pages);
  state_range("read", from, pages * kPage);
  state("read.present", pages * kPage);
  state("read.zero", pages * kPage);
  state("read.resident", 0);
  ready();
}
