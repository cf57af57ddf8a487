// inspect/object/cxx_name.h - a C++ type's name as its type_info has it, made readable.
// A target chooses its names. Three hundred bytes of mangled name can stand for more text than any
// memory holds: each level that names the one before it twice doubles it, and the demangler of the
// C++ runtime writes all of it out. So the work is bounded beforehand, from the name alone.
// Source  Itanium C++ ABI, 5.1 "Mangling": substitutions, template parameters, packs;
//         abi::__cxa_demangle, which refuses by itself what is longer than about 1 KiB.
// Threads no shared state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace strata {

/// Above what demangling `mangled` can cost in steps and in bytes of output; 2^64 - 1 where no
/// bound is known. Of 9,554 names in a Debian's shared libraries half are below 2 KiB and 99 %
/// below 4 MiB.
std::uint64_t most_work_to_demangle(const std::string& mangled);

/// What one name may cost: 16 MiB, a tenth of a second.
inline constexpr std::uint64_t kMostWorkPerName = 16u << 20;

/// The readable name; nullopt for what is no mangled type, or may take more than kMostWorkPerName.
std::optional<std::string> demangled_type(const std::string& mangled);
/// The same of a function's or variable's, which begins with "_Z".
std::optional<std::string> demangled_symbol(const std::string& mangled);

}  // namespace strata
