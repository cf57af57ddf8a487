#include "inspect/target/regular_file.h"

#include <fcntl.h>

#include <cerrno>

#include "base/printable.h"

namespace strata {
namespace {

const char* kind_of(const struct stat& status) {
  if (S_ISDIR(status.st_mode)) return "a directory";
  if (S_ISFIFO(status.st_mode)) return "a pipe";
  return "a device or socket";
}

}  // namespace

Result<HeldFile> hold_file(int directory, const std::string& path) {
  HeldFile held;
  auto hold = open_file(directory, path, O_PATH);
  if (!hold) return pass(hold);
  held.hold = std::move(*hold);
  if (fstat(held.hold.fd(), &held.status) != 0) return fail_errno(errno, "stat " + path);
  return held;
}

Result<File> open_held(const HeldFile& held, const std::string& path) {
  if (!S_ISREG(held.status.st_mode)) {
    return fail(Cause::kNotFound, "{} is {}, not a regular file", printable(path),
                kind_of(held.status));
  }
  return open_file(AT_FDCWD, fmt::format("/proc/self/fd/{}", held.hold.fd()),
                   O_RDONLY | O_NONBLOCK | O_NOCTTY);
}

}  // namespace strata
