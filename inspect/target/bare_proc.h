// inspect/target/bare_proc.h - /proc read by system calls alone, for a child forked from a process
// with threads, where malloc and stdio may hold locks for ever.
// Threads Not from two at once: list_numbers() has one static buffer.
#pragma once

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

namespace strata {

/// The number that `name` is, or -1.
int parse_number(const char* name);

/// Calls `visit(number)` for each entry of the directory that is a number, from its start, as the
/// threads in /proc/PID/task. False with errno where it cannot be listed.
template <class Visit>
bool list_numbers(int directory, Visit visit) {
  alignas(dirent64) static char entries[32 * 1024];
  if (lseek(directory, 0, SEEK_SET) != 0) return false;
  for (;;) {
    const long size = syscall(SYS_getdents64, directory, entries, sizeof(entries));
    if (size <= 0) return size == 0;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + at);
      at += entry->d_reclen;
      const int number = parse_number(entry->d_name);
      if (number >= 0) visit(number);
    }
  }
}

/// Closes every descriptor from `first` on.
void close_from(int first);

/// Whether thread `tid` is in the directory `tasks`, /proc/PID/task.
bool has_thread(int tasks, pid_t tid);

/// The state letter of thread `tid` in the directory `tasks`, /proc/PID/task; 0 where there is
/// none.
char read_state(int tasks, pid_t tid);

}  // namespace strata
