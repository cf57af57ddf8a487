// execs - after a line, executes itself 200 times under the same PID, 2 ms apart.
// argv: how many times are left; meant for itself.
#include "specimen.h"

int main(int argc, char** argv) {
  int left = argc > 1 ? atoi(argv[1]) : -1;
  state("pid", getpid());
  if (left < 0) {
    state("executed", 0);
    ready();
    left = 200;
  } else if (left == 0) {
    state("executed", 200);
    ready();
    return 0;
  }
  usleep(2000);
  char count[16];
  snprintf(count, sizeof count, "%d", left - 1);
  execl("/proc/self/exe", argv[0], count, (char*)NULL);
  must(!"execl of itself");
}
