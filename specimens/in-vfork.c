// in-vfork - a thread that waits in vfork(2): it cannot be stopped until its child is done.
// After a line the child ends and the thread goes on.
#include <pthread.h>
#include <sys/wait.h>

#include "specimen.h"

static int go[2];
static volatile pid_t child;
static volatile pid_t tid;

static void* wait_in_vfork(void* unused) {
  tid = gettid();
  const pid_t self = getpid();
  const pid_t made = vfork();
  if (made == 0) {
    char byte;
    end_with_parent(self);
    child = getpid();  // the memory is the parent's, so this tells it
    while (read(go[0], &byte, 1) != 1) continue;
    _exit(0);
  }
  must(made > 0 && waitpid(made, NULL, 0) == made);
  return unused;
}

int main(void) {
  must(pipe(go) == 0);
  pthread_t thread;
  must(pthread_create(&thread, NULL, wait_in_vfork, NULL) == 0);
  while (child == 0) sched_yield();
  state("threads", 2);
  state("waiting.tid", tid);
  state("child", child);
  ready();
  must(write(go[1], "", 1) == 1 && pthread_join(thread, NULL) == 0);
  state("threads", 1);
  ready();
}
