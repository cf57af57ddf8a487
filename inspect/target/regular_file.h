// inspect/target/regular_file.h - opens what a target names, and never waits for it or acts on it.
// A path that a target or a core names may lead to a FIFO, whose open() waits for a writer, or to a
// device, which may act on being opened. So it is first taken hold of by O_PATH, which does
// neither, and only a regular file is opened, through that hold: nobody can swap it in between.
// O_NONBLOCK also spares the wait for a lease on the file (fcntl(2), F_SETLEASE).
//
// What can still wait for ever is the path itself: to resolve one that lies on a dead NFS or FUSE
// mount, and to read a file there. Hence no file is read while a target stands.
// Errors  As of open(2); kNotFound for what is not a regular file.
#pragma once

#include <sys/stat.h>

#include <string>

#include "base/file.h"

namespace strata {

struct HeldFile {
  File hold;  ///< good for fstat() and /proc/self/fd only
  struct stat status{};
};

Result<HeldFile> hold_file(int directory, const std::string& path);

/// For reading. `path` serves the message.
Result<File> open_held(const HeldFile& held, const std::string& path);

}  // namespace strata
