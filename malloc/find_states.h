// malloc/find_states.h - blocks in one state, found among the states of a span.
// Where blocks lie close, eight granules are compared at a time: those at which no block begins
// have a state that is not looked for. Threads states may change meanwhile; each is seen as it was
// or as it is.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "malloc/block_state.h"

namespace strata::alloc {

/// Of eight bytes those that are equal to `byte`: their highest bits.
constexpr std::uint64_t equal_bytes(std::uint64_t word, std::uint8_t byte) {
  constexpr std::uint64_t kOnes = 0x0101010101010101, kLow = 0x7f7f7f7f7f7f7f7f;
  const std::uint64_t different = word ^ (kOnes * byte);
  return ~(((different & kLow) + kLow) | different | kLow);
}

/// Calls `act` with each granule from `from`, a multiple of `stride`, to before `end` that has
/// `state`, while it returns true. Where it ended: behind the last one, or `end`.
template <class Act>
std::size_t find_states(const State* states, std::size_t from, std::size_t end, std::size_t stride,
                        std::uint8_t state, Act&& act) {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::size_t at = from;
  if (stride < kWord) {
    while (at < end && at % kWord != 0) {
      if (states[at].load(std::memory_order_acquire) == state && !act(at)) return at + stride;
      at += stride;
    }
    // Words are read whole; they begin at multiples of eight in a span, and so in memory.
    using Word [[gnu::may_alias]] = std::uint64_t;
    const auto* const words = reinterpret_cast<const Word*>(states);
    for (std::size_t word = at / kWord; at < end; ++word, at = word * kWord) {
      std::uint64_t found = equal_bytes(__atomic_load_n(words + word, __ATOMIC_ACQUIRE), state);
      for (; found != 0; found &= found - 1) {
        at = word * kWord + static_cast<std::size_t>(std::countr_zero(found)) / 8;
        if (at >= end) return end;
        if (!act(at)) return at + stride;
      }
    }
    return end;
  }
  for (; at < end; at += stride) {
    if (states[at].load(std::memory_order_acquire) == state && !act(at)) return at + stride;
  }
  return end;
}

}  // namespace strata::alloc
