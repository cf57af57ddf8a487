// fork-cow - a parent's pages after a fork, when its child has written some of them.
#include "specimen.h"

enum { kPages = 64, kCopied = 16 };

int main(void) {
  const pid_t self = getpid();
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  int done[2];
  must(pipe(done) == 0);
  const pid_t child = fork();
  must(child >= 0);
  if (child == 0) {
    end_with_parent(self);
    write_pages(from, kCopied);
    must(write(done[1], "", 1) == 1);
    for (;;) pause();
  }
  char byte;
  must(read(done[0], &byte, 1) == 1);
  state("parent", getpid());
  state("child", child);

  state_range("left", from, kCopied * kPage);  // the parent's alone since the child has its own
  state("left.anonymous", kCopied * kPage);
  state("left.exclusive", kCopied * kPage);
  state_range("shared", from + kCopied * kPage, (kPages - kCopied) * kPage);
  state("shared.anonymous", (kPages - kCopied) * kPage);
  state("shared.exclusive", 0);

  state_range("copied", from, kCopied * kPage);
  state("copied.pid", child);
  state("copied.anonymous", kCopied * kPage);
  state("copied.exclusive", kCopied * kPage);
  state_range("inherited", from + kCopied * kPage, (kPages - kCopied) * kPage);
  state("inherited.pid", child);
  state("inherited.anonymous", (kPages - kCopied) * kPage);
  state("inherited.exclusive", 0);
  ready();
}
