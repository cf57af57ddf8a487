// malloc/options.h - what the operator and the program said about how malloc is to work; the table
// of what can be said is abi/malloc_options.h.
//
//     strata_malloc_options   the program's own text, where it has one (strata/malloc.h)
//     STRATA_MALLOC           the operator's, which is read after it; not in a setuid program
//     strata_malloc_option()  one by one, while the program runs
//
// Errors  what is wrong in a text is said on standard error and left out.
// Threads any number at once.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "abi/malloc_options.h"

namespace strata::alloc {

using Option = abi::MallocOptionKey;

/// As it stands: 0 or 1, or a number in its unit.
std::uint64_t option(Option which);
/// Where it stands, for who reads it from outside.
const std::atomic<std::uint64_t>* option_at(Option which);

/// Reads the texts; once, before the first block.
void read_options();

enum class Setting { kDone, kNoSuchKey, kWrongValue, kTooLate };
Setting set_option(const char* key, const char* value);

}  // namespace strata::alloc
