// base/result.h - a value, or what went wrong and what to do about it.
// Errors  An Error names the thing and the cause; context is added on the way up, the
//         innermost first; help says the way out and may be empty.
//         Absent is std::optional, never an Error.
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace strata {

enum class Cause {
  kUsage,        ///< the user asked for what cannot be asked
  kNotFound,     ///< no such process, file or address
  kGone,         ///< it was there and went away while being read
  kPermission,   ///< the kernel refused
  kCorrupt,      ///< the bytes contradict themselves
  kUnsupported,  ///< this kernel, build or kind of target does not have it
  kLimit,        ///< one of Strata's own bounds on time or memory was reached
  kSystem,       ///< any other error of the operating system
};

struct Error {
  Cause cause = Cause::kSystem;
  std::string message;
  std::vector<std::string> context;
  std::string help;

  /// Says what was being done when this happened.
  Error&& during(std::string what) && {
    context.push_back(std::move(what));
    return std::move(*this);
  }
  Error&& with_help(std::string way_out) && {
    if (help.empty()) help = std::move(way_out);
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;
using Failure = tl::unexpected<Error>;

template <class... Args>
Failure fail(Cause cause, fmt::format_string<Args...> text, Args&&... args) {
  return Failure(Error{cause, fmt::format(text, std::forward<Args>(args)...), {}, {}});
}

/// Hands a failure on: `if (!text) return pass(text);`
template <class T>
Failure pass(Result<T>& failed) {
  return Failure(std::move(failed.error()));
}
/// Hands a failure on and says what was being done.
template <class T>
Failure pass(Result<T>& failed, std::string during) {
  return Failure(std::move(failed.error()).during(std::move(during)));
}

/// The failure of a system call by its errno: "open /proc/1/mem: Permission denied".
Failure fail_errno(int error_number, std::string what);
/// What an errno means for a caller that decides by it.
Cause cause_of_errno(int error_number);

/// The whole error as it stands on stderr: "error: …", indented context, "help: …".
std::string to_text(const Error& error);

}  // namespace strata
