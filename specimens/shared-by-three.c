// shared-by-three - many one-page mappings, each page shared by three processes.
// A third of a page is no whole number of kB: smaps cuts it off once a mapping, smaps_rollup once.
#include "specimen.h"

enum { kMappings = 300 };

int main(void) {
  const pid_t self = getpid();
  Byte* const from = map_pages(2 * kMappings);
  for (size_t i = 0; i < kMappings; ++i) {
    must(mprotect(from + (2 * i + 1) * kPage, kPage, PROT_NONE) == 0);
    write_pages(from + 2 * i * kPage, 1);
  }
  for (int i = 0; i < 2; ++i) {
    const pid_t child = fork();
    must(child >= 0);
    if (child == 0) {
      end_with_parent(self);
      for (;;) pause();
    }
    state(numbered("child.%d", i), child);
  }
  state_range("shared", from, 2 * kMappings * kPage);
  state("shared.mappings", 2 * kMappings);
  state("shared.resident", kMappings * kPage);
  state("shared.exclusive", 0);
  state("shared.proportional", kMappings * kPage / 3);
  ready();
}
