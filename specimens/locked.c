// locked - pages that mlock() keeps in memory.
#include "specimen.h"

enum { kPages = 256 };

int main(void) {
  Byte* const from = map_pages(kPages);
  if (mlock(from, kPages * kPage) != 0) skip("so much may not be locked here (ulimit -l)");
  state_range("locked", from, kPages * kPage);
  state("locked.resident", kPages * kPage);
  ready();
}
