// waits - threads blocked in calls with a timeout, for those that a stop by ptrace makes return.
// After a line, states how often each has returned with EINTR so far.
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <time.h>

#include "specimen.h"

enum { kWaits = 6, kHour = 3600 };
static const char* const kName[kWaits] = {"epoll_wait", "semop", "recv",
                                          "nanosleep",  "poll",  "sem_timedwait"};
static int epoll, semaphore, ends[2];
static sem_t never;
static _Atomic int interrupted[kWaits];
static pid_t tids[kWaits];
static pthread_barrier_t stood;

static int wait_once(int kind) {
  struct timespec until;
  struct epoll_event event;
  struct sembuf take = {.sem_op = -1};
  char byte;
  switch (kind) {
    case 0:
      return epoll_wait(epoll, &event, 1, kHour * 1000);
    case 1:
      return semtimedop(semaphore, &take, 1, &(struct timespec){.tv_sec = kHour});
    case 2:
      return (int)recv(ends[0], &byte, 1, 0);
    case 3:
      return nanosleep(&(struct timespec){.tv_sec = kHour}, NULL);
    case 4:
      return poll(NULL, 0, kHour * 1000);
    default:
      clock_gettime(CLOCK_REALTIME, &until);
      until.tv_sec += kHour;
      return sem_timedwait(&never, &until);
  }
}

static void* stand(void* argument) {
  const int kind = (int)(uintptr_t)argument;
  tids[kind] = gettid();
  pthread_setname_np(pthread_self(), kName[kind]);
  pthread_barrier_wait(&stood);
  for (;;) {
    must(wait_once(kind) < 0);
    if (errno == EIDRM) return NULL;  // the program is ending
    must(errno == EINTR);
    ++interrupted[kind];
  }
}

static void remove_semaphore(void) { semctl(semaphore, 0, IPC_RMID); }

int main(void) {
  must((epoll = epoll_create1(EPOLL_CLOEXEC)) >= 0 && sem_init(&never, 0, 0) == 0);
  must((semaphore = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600)) >= 0);
  atexit(remove_semaphore);
  must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  const struct timeval hour = {.tv_sec = kHour};
  must(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &hour, sizeof hour) == 0);
  pthread_barrier_init(&stood, NULL, kWaits + 1);
  pthread_t thread;
  for (uintptr_t i = 0; i < kWaits; ++i) {
    must(pthread_create(&thread, NULL, stand, (void*)i) == 0);
  }
  pthread_barrier_wait(&stood);
  for (;;) {
    state("threads", kWaits + 1);
    for (int i = 0; i < kWaits; ++i) {
      until_asleep(tids[i]);
      say("%s.tid=%d\n%s.interrupted=%d\n", kName[i], tids[i], kName[i], interrupted[i]);
    }
    ready();
  }
}
