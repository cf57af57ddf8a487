// write-after-free - SIZE+WHEN it is seen: once the block is used again, when its thread ends, or
// when the program does.
// With  16+reuse 64+reuse 1000+reuse 5000+reuse 32768+reuse 64+thread 64+exit 5000+exit
// Under  harden:0  unseen
// Under  harden:1  SIGABRT
#include "bug.h"

static const char* what;

static void* do_it(void* unused) {
  const size_t size = number(what);
  char* const block = malloc(size);
  free(block);
  ((volatile char*)block)[size - 1] = 'x';
  return unused;
}

int main(int, char** argv) {
  what = argv[1];
  const char* const when = strchr(what, '+') + 1;
  if (*when == 'e') {
    const pid_t child = fork();
    if (child == 0) {
      do_it(NULL);
      exit(0);
    }
    int status = 0;
    expect(waitpid(child, &status, 0) == child);
    if (WIFSIGNALED(status)) raise(WTERMSIG(status));
    unseen();
  }
  if (*when == 't') {
    run_thread(do_it, NULL);
  } else {
    do_it(NULL);
    // More than is kept back, over and over.
    for (int i = 0; i < 100000; ++i) free(opaque(malloc(number(what))));
  }
  unseen();
}
