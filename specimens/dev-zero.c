// dev-zero - a private mapping of /dev/zero: it has a file's name, and its pages are anonymous.
#include "specimen.h"

enum { kPages = 64, kWritten = 24 };

int main(void) {
  const int zero = open("/dev/zero", O_RDWR | O_CLOEXEC);
  if (zero < 0) skip("no /dev/zero here");
  Byte* const from = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
  must(from != MAP_FAILED);
  madvise(from, kPages * kPage, MADV_NOHUGEPAGE);
  write_pages(from, kWritten);
  state_range("zero", from, kPages * kPage);
  state("zero.anonymous", kWritten * kPage);
  ready();
}
