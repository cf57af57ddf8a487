// stopped - a process stopped by SIGSTOP, which has to stay so whatever looks at it.
#include <sys/wait.h>

#include "specimen.h"

enum { kPages = 64 };

int main(void) {
  const pid_t self = getpid();
  Byte* const from = map_pages(kPages);
  write_pages(from, kPages);
  const pid_t child = fork();
  must(child >= 0);
  if (child == 0) {
    end_with_parent(self);
    raise(SIGSTOP);
    for (;;) pause();
  }
  int status;
  must(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
  state("stopped", child);
  state_range("written", from, kPages * kPage);
  state("written.pid", child);
  state("written.resident", kPages * kPage);
  ready();
}
