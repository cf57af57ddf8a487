#include "base/result.h"

#include <cerrno>
#include <cstring>

namespace strata {

Cause cause_of_errno(int error_number) {
  switch (error_number) {
    case EACCES:
    case EPERM:
      return Cause::kPermission;
    case ENOENT:
      return Cause::kNotFound;
    case ESRCH:
      return Cause::kGone;
    case ENOSYS:
    case ENOTTY:
    case EOPNOTSUPP:
      return Cause::kUnsupported;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
      return Cause::kLimit;
    default:
      return Cause::kSystem;
  }
}

Failure fail_errno(int error_number, std::string what) {
  what += ": ";
  what += std::strerror(error_number);
  return Failure(Error{cause_of_errno(error_number), std::move(what), {}, {}});
}

std::string to_text(const Error& error) {
  std::string text = "error: " + error.message + "\n";
  for (const std::string& line : error.context) text += "  " + line + "\n";
  if (!error.help.empty()) text += "help: " + error.help + "\n";
  return text;
}

}  // namespace strata
