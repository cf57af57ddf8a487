// forks - makes child processes without pause, each of which ends at once.
#include <sys/wait.h>

#include "specimen.h"

enum { kPages = 64 };

int main(void) {
  const pid_t self = getpid();
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  const pid_t forker = fork();
  must(forker >= 0);
  if (forker == 0) {
    end_with_parent(self);
    for (;;) {
      const pid_t child = fork();
      if (child == 0) _exit(0);
      if (child > 0) waitpid(child, NULL, 0);
    }
  }
  state("forker", forker);
  state_range("written", from, kPages * kPage);
  state("written.pid", forker);
  state("written.resident", kPages * kPage);
  ready();
}
