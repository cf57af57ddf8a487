// gives-back - pages that are given back and taken anew, 20 times: a minor fault each time.
#include "specimen.h"

enum { kPages = 8192, kRounds = 20 };

int main(void) {
  Byte* const from = map_pages(kPages);
  for (int i = 0; i < kRounds; ++i) {
    write_pages(from, kPages);
    must(madvise(from, kPages * kPage, MADV_DONTNEED) == 0);
  }
  state_range("given", from, kPages * kPage);
  state("given.present", 0);
  state("faulted", (size_t)kPages * kRounds * kPage);
  ready();
}
