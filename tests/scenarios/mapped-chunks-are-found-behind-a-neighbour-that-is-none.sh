# The kernel merges neighbouring mappings, so chunks of malloc's stand behind memory that is none, in
# one mapping with it; also where the program has much else to be looked through.
. "$(dirname "$0")/../scenario.sh"

program <<'END'
#include <malloc.h>

#include "specimen.h"

static void* own(size_t kib) {
  void* const memory = mmap(NULL, kib << 10, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(memory != MAP_FAILED);
  return memset(memory, 1, kib << 10);
}
static void* take(size_t kib) { return memset(malloc((kib << 10) - 4096), 1, (kib << 10) - 4096); }

int main() {
  static void* volatile held[6];
  mallopt(M_MMAP_THRESHOLD, 128 << 10);
  held[0] = take(316);
  held[1] = take(1008);
  held[2] = take(23912);
  held[3] = take(5892);
  held[4] = own(1944);
  held[5] = take(516);
  must(mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
  own(64 << 10);
  const struct mallinfo2 own_words = mallinfo2();
  state("chunks", own_words.hblks);
  state("bytes", own_words.hblkhd);
  ready();
}
END
specimen ./program
run strata heap --json "$target"
exits_with 0
equals "$(json '.mmapped.chunks')" "$(stated chunks)" 'mapped chunks'
equals "$(json '.mmapped.bytes')" "$(stated bytes)" 'their bytes'
