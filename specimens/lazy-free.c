// lazy-free - written pages given up by MADV_FREE, which the kernel takes when it wants to.
// After a line, some are written again and so are kept.
#include "specimen.h"

enum { kPages = 128, kAgain = 32 };

int main(void) {
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  must(madvise(from, kPages * kPage, MADV_FREE) == 0);
  state_range("freed", from, kPages * kPage);
  state("freed.resident", kPages * kPage);
  state("freed.private_clean", kPages * kPage);
  ready();

  write_pages(from, kAgain);
  state_range("freed", from, kPages * kPage);
  state("freed.resident", kPages * kPage);
  state("freed.private_clean", (kPages - kAgain) * kPage);
  state_range("again", from, kAgain * kPage);
  ready();
}
