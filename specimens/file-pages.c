// file-pages - one file mapped four ways: read, never read, written as a copy, written through.
#include "specimen.h"

enum { kPages = 64, kWritten = 24 };

static Byte* map_file(int file, int kind) {
  Byte* const from = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, kind, file, 0);
  must(from != MAP_FAILED);
  return from;
}

int main(void) {
  char path[] = "/var/tmp/specimen-XXXXXX";
  const int file = mkstemp(path);
  must(file >= 0);
  state("path", path);
  must(unlink(path) == 0);
  static const Byte page[kPage] = {1};
  for (int i = 0; i < kPages; ++i) must(write(file, page, kPage) == kPage);

  Byte* const clean = map_file(file, MAP_PRIVATE);
  read_pages(clean, kPages);
  state_range("read", clean, kPages * kPage);
  state("read.file", kPages * kPage);
  state("read.anonymous", 0);

  Byte* const untouched = map_file(file, MAP_PRIVATE);
  state_range("untouched", untouched, kPages * kPage);
  state("untouched.resident", 0);

  Byte* const copied = map_file(file, MAP_PRIVATE);
  write_pages(copied, kWritten);  // without a read before, so no neighbour is mapped along
  state_range("copied", copied, kPages * kPage);
  state("copied.anonymous", kWritten * kPage);
  state("copied.file", 0);

  Byte* const through = map_file(file, MAP_SHARED);
  write_pages(through, kWritten);
  state_range("through", through, kPages * kPage);
  state("through.anonymous", 0);
  state_range("through.written", through, kWritten * kPage);
  state("through.written.file", kWritten * kPage);
  ready();
}
