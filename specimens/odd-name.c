// odd-name - a process whose name and first argument hold blanks, newlines and escape sequences.
#include "specimen.h"

static const char kName[] = "a b\n\x1b[31m) R 1";  // also the shape of a field of /proc/PID/stat
static const char kArgument[] = "odd \n\t\x1b]0;title\x07 \\name";

int main(int argc, char** argv) {
  if (argc != 1 || strcmp(argv[0], kArgument) != 0) {
    execl("/proc/self/exe", kArgument, (char*)NULL);
    must(!"execl of itself");
  }
  must(prctl(PR_SET_NAME, kName) == 0);
  state("name", kName);
  state("command", kArgument);
  ready();
}
