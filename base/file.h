// base/file.h - an owned file descriptor, and whole files read into memory.
// Errors  By errno, with the path in the message. read_text() of a file larger than its
//         limit is kLimit, so that no file can make us grow without bound.
// Threads A File belongs to one thread at a time.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "base/units.h"

namespace strata {

class File {
 public:
  File() = default;
  explicit File(int fd) : fd_(fd) {}
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();

  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  /// Gives up ownership.
  int take_fd() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// Opens `path` relative to `directory` (AT_FDCWD for none), always close-on-exec.
Result<File> open_file(int directory, const std::string& path, int flags);

inline constexpr Bytes kTextLimit = 1_GiB;

/// The whole of a file, also of one in /proc whose size is not known before.
Result<std::string> read_text(int directory, const std::string& path, Bytes limit = kTextLimit);

/// Reads at `offset` until `into` is full or the file ends; the bytes read.
Result<Bytes> read_at(const File& file, Bytes offset, std::span<std::byte> into);

}  // namespace strata
