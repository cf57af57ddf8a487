// base/progress.h - how far long work is, told to whoever waits for it.
#pragma once

#include <functional>
#include <string_view>

namespace strata {

/// `step` is what is being done, as "reading smaps"; `done` is the share of it, 0 to 1. Called
/// often (some thousand times a second) and by one thread; empty where nobody waits.
using Progress = std::function<void(std::string_view step, double done)>;

}  // namespace strata
