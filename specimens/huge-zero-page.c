// huge-zero-page - a range where huge pages were asked for, read and never written.
#include "specimen.h"

enum { kHuge = 2 };

int main(void) {
  char setting = '0';
  const int file = open("/sys/kernel/mm/transparent_hugepage/use_zero_page", O_RDONLY | O_CLOEXEC);
  if (file < 0 || read(file, &setting, 1) != 1 || setting != '1') skip("no huge zero page here");
  Byte* const from = map_huge(kHuge);
  for (size_t i = 0; i < kHuge; ++i) read_pages(from + i * kHugePage, 1);
  const size_t present = count_by_mincore(from, kHuge * kHugePage / kPage) * kPage;
  if (present != kHuge * kHugePage) skip("the kernel gave no huge pages");
  state_range("read", from, present);
  state("read.present", present);  // the word of mincore
  state("read.zero", present);
  state("read.huge", present);
  state("read.resident", 0);
  ready();
}
