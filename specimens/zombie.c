// zombie - a process that has ended and that nobody has waited for: it has a PID and no memory.
#include <sys/wait.h>

#include "specimen.h"

int main(void) {
  const pid_t child = fork();
  must(child >= 0);
  if (child == 0) _exit(0);
  siginfo_t ended;
  must(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOWAIT) == 0);
  state("zombie", child);
  ready();
}
