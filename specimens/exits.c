// exits - after a line, ends with a heap of mappings in the midst of whatever reads them.
// argv: how many milliseconds later (default 0).
#include "specimen.h"

enum { kMappings = 5000 };

int main(int argc, char** argv) {
  const unsigned delay = argc > 1 ? (unsigned)atoi(argv[1]) : 0;
  Byte* const from = map_pages(kMappings);
  write_pages(from, kMappings);
  for (size_t i = 1; i < kMappings; i += 2) {
    must(mprotect(from + i * kPage, kPage, PROT_READ) == 0);
  }
  state_range("all", from, kMappings * kPage);
  state("all.resident", kMappings * kPage);
  state("all.mappings", kMappings);
  ready();
  usleep(delay * 1000);
  _exit(0);
}
