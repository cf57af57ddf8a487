// perf-ring - the ring of a perf event, mapped and read whole.
// Where the kernel maps it by frame number (VM_PFNMAP, seen on 6.18), it is in no counter, and
// pagemap and mincore pass it over: nothing but this statement says that it was read.
#include <linux/perf_event.h>

#include "specimen.h"

enum { kDataPages = 64 };

int main(void) {
  struct perf_event_attr event = {.type = PERF_TYPE_SOFTWARE,
                                  .size = sizeof event,
                                  .config = PERF_COUNT_SW_DUMMY,
                                  .exclude_kernel = 1};
  const int file = (int)syscall(SYS_perf_event_open, &event, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
  if (file < 0) skip("this kernel or its settings allow no perf event");
  const size_t pages = 1 + kDataPages;
  Byte* const from = mmap(NULL, pages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  if (from == MAP_FAILED) skip("no ring of this size is allowed (kernel.perf_event_mlock_kb)");
  read_pages(from, pages);
  state_range("ring", from, pages * kPage);
  state("ring.read", pages * kPage);
  state("ring.mappings", 1);
  ready();
}
