// double-free-in-a-forked-child - the parent freed it before it forked.
// With  16 1000 100000
#include "bug.h"

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  free(block);
  const pid_t child = fork();
  if (child == 0) {
    free(opaque(block));
    unseen();
  }
  int status = 0;
  expect(waitpid(child, &status, 0) == child);
  if (WIFSIGNALED(status)) raise(WTERMSIG(status));
  return 0;
}
