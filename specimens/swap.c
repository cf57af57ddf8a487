// swap - private pages that the kernel has put out to swap; after a line, half of them are back.
#include "specimen.h"

enum { kPages = 256, kRounds = 1000 };

// By its own pagemap: mincore calls a page resident that is out, but still in the swap cache.
static size_t count_swapped(const Byte* from) {
  uint64_t entries[kPages];
  const int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  const off_t at = (off_t)((uintptr_t)from / kPage * sizeof *entries);
  must(pagemap >= 0 && pread(pagemap, entries, sizeof entries, at) == sizeof entries);
  close(pagemap);
  size_t swapped = 0;
  for (size_t i = 0; i < kPages; ++i) swapped += entries[i] >> 62 & 1;
  return swapped;
}

int main(void) {
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  for (int i = 0; i < kRounds && count_swapped(from) < kPages; ++i) {
    must(madvise(from, kPages * kPage, MADV_PAGEOUT) == 0);
    usleep(1000);
  }
  if (count_swapped(from) < kPages) skip("the pages did not go to swap; is there any?");
  state_range("out", from, kPages * kPage);
  state("out.swapped", kPages * kPage);  // the word of its own pagemap
  state("out.resident", 0);
  ready();

  write_pages(from, kPages / 2);
  state_range("back", from, kPages / 2 * kPage);
  state("back.resident", kPages / 2 * kPage);
  state("back.swapped", 0);
  ready();
}
