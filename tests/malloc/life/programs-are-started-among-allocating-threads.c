// programs-are-started-among-allocating-threads - by posix_spawn, vfork and system, which run a
// child in the parent's memory or in a copy of it.
#include <spawn.h>

#include "churn.h"

extern char** environ;

int main(void) {
  churners(3);
  for (int round = 0; round < 40; ++round) {
    char* const command[] = {(char*)"/bin/true", NULL};
    pid_t child;
    expect(posix_spawn(&child, command[0], NULL, NULL, command, environ) == 0);
    expect(ended_well(child));
    child = vfork();
    if (child == 0) {
      execv(command[0], command);
      _exit(1);
    }
    expect(child > 0 && ended_well(child));
    if (round % 10 == 0) expect(system("true") == 0);
  }
  stop_churners();
}
