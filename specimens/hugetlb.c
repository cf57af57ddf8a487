// hugetlb - pages of the hugetlb pool: present, and outside RSS.
#include "specimen.h"

enum { kHuge = 2 };

int main(void) {
  Byte* const from = mmap(NULL, kHuge * kHugePage, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (from == MAP_FAILED) skip("no hugetlb pages are set aside (vm.nr_hugepages)");
  for (size_t i = 0; i < kHuge; ++i) from[i * kHugePage] = 1;
  state_range("pool", from, kHuge * kHugePage);
  state("pool.present", kHuge * kHugePage);
  state("pool.hugetlb", kHuge * kHugePage);
  state("pool.resident", 0);
  ready();
}
