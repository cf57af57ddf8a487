// guards - ranges that fault when touched: by mprotect, and by MADV_GUARD_INSTALL within a mapping.
#include "specimen.h"

enum { kPages = 64, kGuardFrom = 16, kGuardPages = 8, kGuardInstall = 102 };

int main(void) {
  Byte* const protected = map_pages(kPages);
  write_pages(protected, kPages);
  // What was written stays: resident pages behind a mapping without access.
  Byte* const hidden = protected + kGuardFrom * kPage;
  must(mprotect(hidden, kGuardPages * kPage, PROT_NONE) == 0);
  state_range("protected", protected, kPages * kPage);
  state("protected.mappings", 3);
  state("protected.resident", kPages * kPage);
  state_range("hidden", hidden, kGuardPages * kPage);
  state("hidden.resident", kGuardPages * kPage);

  Byte* const installed = map_pages(kPages);
  write_pages(installed, kPages);
  if (madvise(installed + kGuardFrom * kPage, kGuardPages * kPage, kGuardInstall) != 0) {
    state("guarded.unsupported", strerror(errno));
  } else {
    // Its pages were dropped; the mapping stays one.
    state_range("guarded", installed, kPages * kPage);
    state("guarded.mappings", 1);
    state("guarded.guard", kGuardPages * kPage);
    state("guarded.resident", (kPages - kGuardPages) * kPage);
    state("guarded.swapped", 0);
    state_range("guard", installed + kGuardFrom * kPage, kGuardPages * kPage);
    state("guard.guard", kGuardPages * kPage);
  }
  ready();
}
