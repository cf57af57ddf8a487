// many-mappings - N neighbouring mappings (default 20000) of one page, every other one written.
#include "specimen.h"

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? strtoul(argv[1], NULL, 0) : 20000;
  Byte* const from = map_pages(count);
  for (size_t i = 0; i < count; i += 2) write_pages(from + i * kPage, 1);
  for (size_t i = 1; i < count; i += 2) {
    // vm.max_map_count is the limit.
    if (mprotect(from + i * kPage, kPage, PROT_READ) != 0) skip("the kernel allows fewer mappings");
  }
  state_range("all", from, count * kPage);
  state("all.mappings", count);
  state("all.resident", (count + 1) / 2 * kPage);
  ready();
}
