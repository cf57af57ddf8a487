// thp - huge pages: in one range one byte was written in each, another was written whole.
#include "specimen.h"

enum { kHuge = 2 };

int main(void) {
  Byte* const sparse = map_huge(kHuge);
  Byte* const full = map_huge(kHuge);
  for (size_t i = 0; i < kHuge; ++i) sparse[i * kHugePage] = 1;
  memset(full, 1, kHuge * kHugePage);
  const size_t resident = count_by_mincore(sparse, kHuge * kHugePage / kPage) * kPage;
  if (resident != kHuge * kHugePage) skip("the kernel gave no huge pages");
  state_range("one_byte_each", sparse, kHuge * kHugePage);
  state("one_byte_each.written", kHuge);
  state("one_byte_each.resident", resident);  // the word of mincore
  state("one_byte_each.huge", resident);
  state_range("full", full, kHuge * kHugePage);
  state("full.written", kHuge * kHugePage);
  state("full.resident", kHuge * kHugePage);
  ready();
}
