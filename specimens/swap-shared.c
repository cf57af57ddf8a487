// swap-shared - shared pages in swap: smaps' Swap has them, pagemap and SwapPss do not.
#include "specimen.h"

enum { kPages = 256, kRounds = 1000, kCachestat = 451 };

// By cachestat(2), Linux 6.5: pages of the file that were put out. mincore calls a page resident
// that is out, but still in the swap cache.
static size_t count_swapped(int file) {
  const struct {
    uint64_t offset, length;
  } whole = {0, 0};
  struct {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } found;
  if (syscall(kCachestat, file, &whole, &found, 0) != 0) skip("this kernel has no cachestat");
  return found.evicted;
}

int main(void) {
  const int file = memfd_create("shared", MFD_CLOEXEC);
  must(file >= 0 && ftruncate(file, kPages * kPage) == 0);
  Byte* const from = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  must(from != MAP_FAILED);
  write_pages(from, kPages);
  for (int i = 0; i < kRounds && count_swapped(file) < kPages; ++i) {
    must(madvise(from, kPages * kPage, MADV_PAGEOUT) == 0);
    usleep(1000);
  }
  if (count_swapped(file) < kPages) skip("the pages did not go to swap; is there any?");
  state_range("out", from, kPages * kPage);
  state("out.swapped", kPages * kPage);  // the word of cachestat
  state("out.present", 0);
  ready();
}
