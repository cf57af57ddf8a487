// traced - a process that another one traces: no second tracer is let in.
// The two are children of the one that speaks.
#include <sys/ptrace.h>
#include <sys/wait.h>

#include "specimen.h"

static pid_t start(void) {
  const pid_t self = getpid(), child = fork();
  must(child >= 0);
  if (child == 0) end_with_parent(self);
  return child;
}

int main(void) {
  int done[2];
  must(pipe(done) == 0);
  const pid_t traced = start();
  if (traced == 0) {
    for (;;) pause();
  }
  const pid_t tracer = start();
  if (tracer == 0) {
    const char seized = ptrace(PTRACE_SEIZE, traced, NULL, NULL) == 0;
    must(write(done[1], &seized, 1) == 1);
    for (;;) pause();
  }
  char seized = 0;
  must(read(done[0], &seized, 1) == 1);
  if (!seized) skip("a process may not trace its sibling here (kernel.yama.ptrace_scope)");
  state("traced", traced);
  state("tracer", tracer);
  ready();
}
