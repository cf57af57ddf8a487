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
  void add_number(std::uintptr_t number, unsigned base) {
    char digits[3 * sizeof number + 1] = {};
    std::size_t at = sizeof digits - 1;
    do {
      digits[--at] = "0123456789abcdef"[number % base];
      number /= base;
    } while (number != 0);
    add(digits + at);
  }
  /// "strata malloc: free(0x7f…): "
  void add_call(const char* call, const void* address) {
    add("strata malloc: ");
    add(call);
    add("(0x");
    add_number(reinterpret_cast<std::uintptr_t>(address), 16);
    add("): ");
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
  line.add_call(call, address);
  line.add(what);
  line.write_out();
  abort();
}

void die_of_size(const char* call, const void* address, unsigned long given, unsigned long has) {
  Line line;
  line.add_call(call, address);
  line.add_number(given, 10);
  line.add(" bytes were given, and the block has ");
  line.add_number(has, 10);
  line.write_out();
  abort();
}

void give_up(const char* what) {
  Line line;
  line.add("strata malloc: ");
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
