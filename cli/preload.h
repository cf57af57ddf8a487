// cli/preload.h - whether a library that is preloaded into a program would take effect there.
// The dynamic loader says little or nothing where it leaves a library out: a static program never
// asks it, and where privileges rise it takes no path from the environment. So the file is looked
// at before.
// Source  execve(2), ld.so(8) "Secure-execution mode", elf(5).
// Errors  kUnsupported with the reason; kNotFound where there is no such program.
#pragma once

#include <string>

#include "base/result.h"

namespace strata {

/// The file that execvp(3) would run for `program`.
Result<std::string> find_program(const std::string& program);

/// Fails where a library would not be loaded into the program in `file`. Of a script it is its
/// interpreter that counts. What is neither passes: exec has the word on it.
Result<void> check_takes_preload(const std::string& file);

/// Puts `library` in front of what LD_PRELOAD has; kUnsupported for a path that cannot stand there.
Result<void> preload(const std::string& library);

}  // namespace strata
