// io-uring - the rings of an io_uring, which the kernel has mapped and counts as file memory.
#include <linux/io_uring.h>

#include "specimen.h"

enum { kEntries = 256 };

static void map_ring(int ring, const char* name, size_t size, off_t which) {
  const size_t pages = (size + kPage - 1) / kPage;
  Byte* const from = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, which);
  must(from != MAP_FAILED);
  read_pages(from, pages);
  state_range(name, from, pages * kPage);
  say("%s.present=%zu\n%s.resident=%zu\n", name, pages * kPage, name, pages * kPage);
}

int main(void) {
  struct io_uring_params parameters = {0};
  const int ring = (int)syscall(__NR_io_uring_setup, kEntries, &parameters);
  if (ring < 0) skip("this kernel or its settings allow no io_uring");
  // Since Linux 5.4 one mapping holds both rings.
  must(parameters.features & IORING_FEAT_SINGLE_MMAP);
  const size_t submission = parameters.sq_off.array + parameters.sq_entries * sizeof(uint32_t);
  const size_t completion =
      parameters.cq_off.cqes + parameters.cq_entries * sizeof(struct io_uring_cqe);
  map_ring(ring, "rings", submission > completion ? submission : completion, IORING_OFF_SQ_RING);
  map_ring(ring, "entries", parameters.sq_entries * sizeof(struct io_uring_sqe), IORING_OFF_SQES);
  ready();
}
