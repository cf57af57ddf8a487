// bulk - much anonymous memory, all of it written, for benchmarks.
// argv: BYTES MAPPINGS huge|small. The mappings are alike, save that the first few take what does
// not divide, with room without access after each; under `huge` they are aligned to 2 MiB and huge
// pages are asked for.
#include "specimen.h"

int main(int argc, char** argv) {
  const size_t bytes = argc > 1 ? strtoul(argv[1], NULL, 0) : 64 << 20;
  const size_t mappings = argc > 2 ? strtoul(argv[2], NULL, 0) : 10;
  const int huge = argc > 3 && strcmp(argv[3], "huge") == 0;
  must(mappings > 0 && (argc <= 3 || huge || strcmp(argv[3], "small") == 0));
  const size_t unit = huge ? kHugePage : kPage;
  const size_t units = bytes / unit;
  must(units >= mappings);
  const size_t room = (units + mappings) * unit;
  Byte* const reserved =
      mmap(NULL, room + unit, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  must(reserved != MAP_FAILED);
  Byte* const from = (Byte*)(((uintptr_t)reserved + unit - 1) & -(uintptr_t)unit);
  Byte* at = from;
  for (size_t i = 0; i < mappings; ++i) {
    const size_t size = (units / mappings + (i < units % mappings)) * unit;
    if (mprotect(at, size, PROT_READ | PROT_WRITE) != 0) skip("the kernel allows fewer mappings");
    madvise(at, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
    write_pages(at, size / kPage);
    at += size + unit;
  }
  state_range("bulk", from, room);
  state("bulk.resident", units * unit);
  state("bulk.parts", mappings);
  ready();
}
