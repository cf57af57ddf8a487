// inspect/target/process_directory.h - the numbers that /proc and /proc/PID/task list.
// Errors  By errno, with the path.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "base/result.h"

namespace strata {

/// The entries of a directory that are numbers, in order; the first `most` of what it lists.
Result<std::vector<pid_t>> read_numbers(int directory, const std::string& path,
                                        std::size_t most = std::numeric_limits<std::size_t>::max());

}  // namespace strata
