// sparse - one page touched in every STRIDE MiB of GIB reserved (default 64 GiB, 2 MiB).
// argv: GIB STRIDE. At 2 MiB each page costs a page table of its own, which RSS does not count.
#include "specimen.h"

int main(int argc, char** argv) {
  const size_t size = (argc > 1 ? strtoul(argv[1], NULL, 0) : 64) << 30;
  const size_t stride = (argc > 2 ? strtoul(argv[2], NULL, 0) : 2) << 20;
  must(size > 0 && stride > 0);
  Byte* const from =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (from == MAP_FAILED) skip("the kernel does not let so much be reserved");
  madvise(from, size, MADV_NOHUGEPAGE);
  size_t touched = 0;
  for (size_t at = 0; at < size; at += stride, ++touched) write_pages(from + at, 1);
  state_range("reserved", from, size);
  state("reserved.resident", touched * kPage);
  state("page_tables_at_least", touched * kPage);
  ready();
}
