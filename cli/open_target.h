// cli/open_target.h - TARGET as it is typed: a PID, a process's name, or a core file.
#pragma once

#include <memory>
#include <string>

#include "inspect/target/target.h"

namespace strata {

/// A number is a PID; a path to an ELF core is that core; anything else names a process. Several
/// processes of one name are an error that lists them.
Result<std::unique_ptr<Target>> open_target(const std::string& text);

}  // namespace strata
