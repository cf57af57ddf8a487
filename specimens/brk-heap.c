// brk-heap - memory from sbrk(2) alone: the mapping that the kernel calls [heap], with no malloc.
#include "specimen.h"

enum { kPages = 64, kWritten = 40 };

int main(void) {
  const uintptr_t end = (uintptr_t)sbrk(0);
  must(sbrk((kPage - (intptr_t)(end % kPage)) % kPage) != (void*)-1);
  Byte* const from = sbrk(kPages * kPage);
  must(from != (void*)-1);
  madvise(from, kPages * kPage, MADV_NOHUGEPAGE);
  write_pages(from, kWritten);
  state_range("brk", from, kPages * kPage);
  state("brk.anonymous", kWritten * kPage);
  ready();
}
