#include "inspect/target/bare_proc.h"

#include <fcntl.h>

#include <cstring>

namespace strata {
namespace {

// "TID" and what follows it, without a formatter, which may allocate.
class PathOf {
 public:
  explicit PathOf(pid_t tid, const char* file = "") : at_(bytes_ + sizeof(bytes_)) {
    const std::size_t length = std::strlen(file) + 1;
    at_ -= length;
    std::memcpy(at_, file, length);
    for (pid_t rest = tid; rest != 0; rest /= 10) *--at_ = static_cast<char>('0' + rest % 10);
  }
  const char* text() const { return at_; }

 private:
  char bytes_[24];
  char* at_;
};

}  // namespace

int parse_number(const char* name) {
  int number = 0;
  for (const char* c = name; *c != 0; ++c) {
    if (*c < '0' || *c > '9') return -1;
    number = number * 10 + (*c - '0');
  }
  return number;
}

void close_from(int first) {
  if (syscall(SYS_close_range, first, ~0U, 0) == 0) return;
  // Linux before 5.9. A descriptor closed while its directory is listed is not listed twice.
  const int open_ones = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (open_ones < 0) return;
  list_numbers(open_ones, [&](int fd) {
    if (fd >= first && fd != open_ones) close(fd);
  });
  close(open_ones);
}

bool has_thread(int tasks, pid_t tid) { return faccessat(tasks, PathOf(tid).text(), F_OK, 0) == 0; }

char read_state(int tasks, pid_t tid) {
  const int file = openat(tasks, PathOf(tid, "/stat").text(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[512];
  const ssize_t size = read(file, text, sizeof(text));
  close(file);
  // "TID (name) S ...": the name may hold anything, but behind it stand only numbers.
  for (ssize_t i = size - 3; i > 0; --i) {
    if (text[i] == ')') return text[i + 2];
  }
  return 0;
}

}  // namespace strata
