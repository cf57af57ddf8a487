// truncated-file - a mapping that reaches beyond the end of its file: reading there is SIGBUS.
#include "specimen.h"

enum { kPages = 64, kLeft = 16 };

int main(void) {
  const int file = memfd_create("cut short", MFD_CLOEXEC);
  must(file >= 0 && ftruncate(file, kPages * kPage) == 0);
  Byte* const from = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  must(from != MAP_FAILED);
  write_pages(from, kPages);
  must(ftruncate(file, kLeft * kPage) == 0);
  state_range("left", from, kLeft * kPage);
  state("left.resident", kLeft * kPage);
  state_range("beyond", from + kLeft * kPage, (kPages - kLeft) * kPage);
  state("beyond.resident", 0);
  ready();
}
