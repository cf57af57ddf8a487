#include "malloc/report.h"

#include <stdlib.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace strata::alloc {
namespace {

class Line {
 public:
  void add(const char* text) {
    while (*text != 0 && size_ + 1 < sizeof bytes_) bytes_[size_++] = *text++;
  }
  void add(const char* text, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes && size_ + 1 < sizeof bytes_; ++i) bytes_[size_++] = text[i];
  }
  void add_hex(std::uintptr_t number) {
    char digits[2 * sizeof number + 1] = {};
    std::size_t at = sizeof digits - 1;
    do {
      digits[--at] = "0123456789abcdef"[number % 16];
      number /= 16;
    } while (number != 0);
    add("0x");
    add(digits + at);
  }
  void write_out() {
    bytes_[size_++] = '\n';
    for (std::size_t done = 0; done < size_;) {
      const ssize_t wrote = write(STDERR_FILENO, bytes_ + done, size_ - done);
      if (wrote <= 0) return;
      done += static_cast<std::size_t>(wrote);
    }
  }

 private:
  char bytes_[256];
  std::size_t size_ = 0;
};

}  // namespace

void die(const char* call, const void* address, const char* what) {
  Line line;
  line.add("strata malloc: ");
  line.add(call);
  line.add("(");
  line.add_hex(reinterpret_cast<std::uintptr_t>(address));
  line.add("): ");
  line.add(what);
  line.write_out();
  abort();
}

void warn(const char* where, const char* about, unsigned long bytes, const char* what) {
  Line line;
  line.add("strata malloc: ");
  line.add(where);
  line.add(": '");
  line.add(about, bytes < 100 ? bytes : 100);
  line.add("' ");
  line.add(what);
  line.write_out();
}

}  // namespace strata::alloc
