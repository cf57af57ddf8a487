// bench/run-once.cc - runs one command once under one allocator and writes down what it cost.
//   run-once FIGURES LIBRARY|- SECONDS [NAME=VALUE]... COMMAND [ARGUMENT]...
// LIBRARY is preloaded into the command alone; "-" is libc's own malloc. A preload that is not
// there is only a warning of ld.so, and what was measured is glibc: so the command's maps are read
// while it runs, and a command that ended without the library in them counts as failed. After
// SECONDS it is killed. Source  wait4(2), getrusage(2), proc(5), ld.so(8). Output  one line in
// FIGURES: WALL USER SYSTEM (seconds) PEAK (KiB) MINOR MAJOR (faults)
//         VOLUNTARY INVOLUNTARY (switches) OUTCOME: ok, exit:N, signal:N, timeout or not-loaded.
// Linked statically and without libstdc++: the kernel counts the peak from fork on, so a large
// parent would be the least peak that any program can have.
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <initializer_list>

namespace {

volatile pid_t child;
volatile sig_atomic_t timed_out;

void end_child(int signal) {
  if (signal == SIGALRM) timed_out = 1;
  kill(-child, SIGKILL);
}

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

double now() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

bool maps_hold(pid_t process, const char* library) {
  static char text[256 << 10];
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/maps", process);
  const int maps = open(path, O_RDONLY);
  if (maps < 0) return false;
  size_t filled = 0;
  for (ssize_t got; filled < sizeof text - 1; filled += static_cast<size_t>(got)) {
    got = read(maps, text + filled, sizeof text - 1 - filled);
    if (got <= 0) break;
  }
  close(maps);
  text[filled] = 0;
  return strstr(text, library) != nullptr;
}

// ld.so maps the library within the first milliseconds; the pauses grow so that looking costs
// nothing.
bool saw_library(pid_t process, const char* library) {
  for (long pause_us = 200;; pause_us += pause_us / 2) {
    if (maps_hold(process, library)) return true;
    siginfo_t ended{};
    if (waitid(P_PID, static_cast<id_t>(process), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
        ended.si_pid != 0) {
      return false;
    }
    const timespec pause{pause_us / 1000000, pause_us % 1000000 * 1000};
    nanosleep(&pause, nullptr);
  }
}

[[noreturn]] void become(char** command, const char* library) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (library != nullptr) setenv("LD_PRELOAD", library, 1);
  for (; strchr(*command, '=') != nullptr; ++command) putenv(*command);
  execvp(*command, command);
  perror(*command);
  _exit(127);
}

}  // namespace

int main(int argc, char** argv) {
  int command = 4;
  while (command < argc && strchr(argv[command], '=') != nullptr) ++command;
  if (command >= argc) {
    fputs("usage: run-once FIGURES LIBRARY|- SECONDS [NAME=VALUE]... COMMAND [ARGUMENT]...\n",
          stderr);
    return 2;
  }
  static char real[PATH_MAX];
  const char* library = strcmp(argv[2], "-") == 0 ? nullptr : realpath(argv[2], real);
  if (library == nullptr && strcmp(argv[2], "-") != 0) {
    fprintf(stderr, "run-once: cannot preload %s: %m\n", argv[2]);
    return 2;
  }
  // Whoever started us may itself run on another allocator.
  unsetenv("LD_PRELOAD");
  FILE* const figures = fopen(argv[1], "we");
  if (figures == nullptr) {
    fprintf(stderr, "run-once: cannot write %s: %m\n", argv[1]);
    return 2;
  }

  const double start = now();
  child = fork();
  if (child == 0) become(argv + 4, library);
  if (child < 0) {
    fprintf(stderr, "run-once: cannot fork: %m\n");
    return 2;
  }
  setpgid(child, child);
  struct sigaction action{};
  action.sa_handler = end_child;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGALRM, SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  alarm(static_cast<unsigned>(atoi(argv[3])));

  const bool loaded = library == nullptr || saw_library(child, library);
  int status = 0;
  rusage used{};
  if (wait4(child, &status, 0, &used) != child) {
    fprintf(stderr, "run-once: cannot wait: %m\n");
    return 2;
  }
  const double wall = now() - start;
  alarm(0);
  char outcome[32] = "ok";
  if (timed_out) {
    snprintf(outcome, sizeof outcome, "timeout");
  } else if (WIFSIGNALED(status)) {
    snprintf(outcome, sizeof outcome, "signal:%d", WTERMSIG(status));
  } else if (WEXITSTATUS(status) != 0) {
    snprintf(outcome, sizeof outcome, "exit:%d", WEXITSTATUS(status));
  } else if (!loaded) {
    snprintf(outcome, sizeof outcome, "not-loaded");
  }
  fprintf(figures, "%.4f %.4f %.4f %ld %ld %ld %ld %ld %s\n", wall, seconds(used.ru_utime),
          seconds(used.ru_stime), used.ru_maxrss, used.ru_minflt, used.ru_majflt, used.ru_nvcsw,
          used.ru_nivcsw, outcome);
  return fclose(figures) == 0 && strcmp(outcome, "ok") == 0 ? 0 : 1;
}
