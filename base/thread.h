// base/thread.h - a thread for work beside that of who asks.
// Errors  where there can be no more threads (a limit on processes), one that is not joinable: who
//         asked does the work.
#pragma once

#include <functional>
#include <thread>

namespace strata {

/// No signal of the program's is delivered to it.
std::thread start_thread(std::function<void()> run);

}  // namespace strata
