#include "base/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace strata {

File::~File() {
  if (fd_ >= 0) close(fd_);
}

Result<File> open_file(int directory, const std::string& path, int flags) {
  const int fd = openat(directory, path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "open " + path);
  return File(fd);
}

Result<std::string> read_text(int directory, const std::string& path, Bytes limit) {
  auto file = open_file(directory, path, O_RDONLY);
  if (!file) return pass(file);
  // /proc hands out at most one page of lines a read whatever the buffer is, but some files
  // (status, cmdline) give all at once; one page more than needed ends the loop soonest.
  std::string text;
  std::size_t used = 0;
  for (;;) {
    if (text.size() - used < 4096) text.resize(std::max<std::size_t>(8192, text.size() * 2));
    const ssize_t n = read(file->fd(), text.data() + used, text.size() - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "read " + path);
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
    if (Bytes{used} > limit) {
      return fail(Cause::kLimit, "{} is larger than {} MiB, the most Strata reads of it", path,
                  limit / 1_MiB);
    }
  }
  text.resize(used);
  return text;
}

Result<Bytes> read_at(const File& file, Bytes offset, std::span<std::byte> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = pread(file.fd(), into.data() + done, into.size() - done,
                            static_cast<off_t>(offset.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, "read at offset " + std::to_string(offset.value + done));
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return Bytes{done};
}

}  // namespace strata
