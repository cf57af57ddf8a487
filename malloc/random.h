// malloc/random.h - where hardening puts things: numbers that a program's input cannot choose.
// xorshift64*, seeded by the kernel for each thread. Who can read many addresses can work it out;
// who cannot, cannot.
// Threads each has its own.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::alloc {

/// Below `end`, which is not 0.
std::size_t random_below(std::size_t end);

}  // namespace strata::alloc
