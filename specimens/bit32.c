// bit32 - a 32-bit process with some written pages.
// Flags  -m32 -idirafter /usr/include/x86_64-linux-gnu
#include "specimen.h"

enum { kPages = 64 };

int main(void) {
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  state_range("written", from, kPages * kPage);
  state("written.anonymous", kPages * kPage);
  state("pointer.bits", 8 * sizeof(void*));
  ready();
}
