// inspect/object/plain_name.h - a C++ function's name without its parameters and template
// arguments: "std::vector::_M_realloc_insert". It is what a list of functions has room for, and
// takes one pass over the mangled name, where writing all of it out can take for ever (cxx_name.h).
// Source  Itanium C++ ABI, 5.1 "Mangling".
// Threads no shared state.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace strata {

/// Nothing for what is no mangled function, or of a kind that it does not know: a lambda's outer
/// function, a virtual table.
std::optional<std::string> plain_name(std::string_view mangled);

}  // namespace strata
