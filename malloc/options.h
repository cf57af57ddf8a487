// malloc/options.h - STRATA_MALLOC=key:value,key:value …
// What is wrong in it is said on standard error and left out; a setuid program ignores it.
// Threads any number at once.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::alloc {

struct Options {
  bool background = true;  ///< a thread gives memory back while the program rests
};

/// Read from the environment once, when it is first asked for.
const Options& options();

}  // namespace strata::alloc
