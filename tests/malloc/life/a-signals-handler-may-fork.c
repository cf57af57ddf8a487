// a-signals-handler-may-fork - also in the middle of what its thread holds locks for: the child
// goes on where the handler interrupted it, as the parent does.
#include <sys/time.h>

#include "../expect.h"

enum { kBlocks = 1009, kMost = 70000, kForks = 1500 };

static void* blocks[kBlocks];
static unsigned sizes[kBlocks];
static volatile sig_atomic_t forks, is_child;

// Most turns reach spans, pages and the kernel.
static void turn(unsigned i, unsigned* seed) {
  const unsigned slot = (unsigned)rand_r(seed) % kBlocks;
  expect(!blocks[slot] || holds(blocks[slot], sizes[slot] < 64 ? sizes[slot] : 64, slot));
  free(blocks[slot]);
  sizes[slot] = (unsigned)rand_r(seed) % kMost + 1;
  blocks[slot] = malloc(sizes[slot]);
  expect(blocks[slot]);
  fill(blocks[slot], sizes[slot] < 64 ? sizes[slot] : 64, slot);
  if (i % 64 == 0) malloc_trim(0);
}

// A child that hangs is ended, and the test with it: its own alarm is not its own.
static void end_of(pid_t child) {
  int status = -1;
  for (int left = 60 * 5000; waitpid(child, &status, WNOHANG) == 0; --left) {
    if (left == 0) kill(child, SIGKILL);
    usleep(200);
  }
  expect(status == 0);
}

static void on_alarm(int number) {
  (void)number;
  if (is_child) return;
  const int before = errno;
  const pid_t child = fork();
  expect(child >= 0);
  if (child == 0) {
    is_child = 1;
  } else {
    end_of(child);
    ++forks;
  }
  errno = before;
}

int main(void) {
  unsigned seed = 7;
  signal(SIGALRM, on_alarm);
  for (unsigned i = 0; forks < kForks; ++i) {
    // A moment later than the turn begins, and each time another.
    if (i % 4 == 0) {
      const struct itimerval soon = {{0, 0}, {0, 1 + rand_r(&seed) % 40}};
      setitimer(ITIMER_REAL, &soon, NULL);
    }
    turn(i, &seed);
    if (!is_child) continue;
    for (unsigned k = 0; k < 200; ++k) turn(k, &seed);
    _exit(0);
  }
}
