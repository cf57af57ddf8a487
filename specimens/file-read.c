// file-read - a private mapping of a file that was only read: clean pages of the page cache.
#include "specimen.h"

enum { kSize = 32 << 20 };

int main(void) {
  char path[] = "/var/tmp/specimen-XXXXXX";
  const int file = mkstemp(path);
  must(file >= 0 && unlink(path) == 0);
  static Byte block[1 << 20] = {1};
  for (size_t i = 0; i < kSize; i += sizeof block) {
    must(write(file, block, sizeof block) == sizeof block);
  }
  must(fsync(file) == 0);  // until then its pages are dirty
  Byte* const from = (Byte*)mmap(NULL, kSize, PROT_READ, MAP_PRIVATE, file, 0);
  must(from != MAP_FAILED);
  read_pages(from, kSize / kPage);
  state_range("clean", from, kSize);
  state("clean.present", kSize);
  state("clean.file", kSize);
  ready();
}
