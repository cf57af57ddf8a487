// clone-vm - a second process in the same address space (CLONE_VM): one memory, two PIDs.
// After a line the sibling writes more of it, which grows this process's memory too.
#include "specimen.h"

enum { kPages = 64, kAtFirst = 16, kStackPages = 16 };

static pid_t self;
static Byte* memory;
static int go[2], done[2];

static int sibling(void* unused) {
  (void)unused;
  end_with_parent(self);
  char byte;
  while (read(go[0], &byte, 1) == 1) {
    write_pages(memory, kPages);
    must(write(done[1], "", 1) == 1);
  }
  return 0;
}

int main(void) {
  self = getpid();
  memory = map_pages(kPages);
  write_pages(memory, kAtFirst);
  Byte* const stack = map_pages(kStackPages);
  must(pipe(go) == 0 && pipe(done) == 0);
  const pid_t other = clone(sibling, stack + kStackPages * kPage, CLONE_VM | SIGCHLD, NULL);
  must(other > 0);
  state("sibling", other);
  for (size_t written = kAtFirst;; written = kPages) {
    state_range("shared", memory, kPages * kPage);
    state("shared.resident", written * kPage);
    state_range("of_sibling", memory, kPages * kPage);
    state("of_sibling.pid", other);
    state("of_sibling.resident", written * kPage);
    ready();
    if (written == kPages) break;
    char byte;
    must(write(go[1], "", 1) == 1 && read(done[0], &byte, 1) == 1);
  }
}
