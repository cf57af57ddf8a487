// file-copies - a private mapping of a file, half of it written: copies of the file's pages.
#include "specimen.h"

enum { kPages = 256, kWritten = 128 };

int main(void) {
  char path[] = "/var/tmp/specimen-XXXXXX";
  const int file = mkstemp(path);
  must(file >= 0 && unlink(path) == 0 && ftruncate(file, kPages * kPage) == 0);
  Byte* const from =
      (Byte*)mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
  must(from != MAP_FAILED);
  write_pages(from, kWritten);
  state_range("copied", from, kPages * kPage);
  state("copied.anonymous", kWritten * kPage);
  ready();
}
