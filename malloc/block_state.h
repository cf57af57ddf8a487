// malloc/block_state.h - what each block is, in a byte that stands apart from it.
//
//     blocks   [ 48 bytes          ][ 48 bytes          ][ 48 bytes          ]
//     states     3     0     0        131   0     0        195   0     0        a byte a granule
//               live                  in a thread's cache  free in its span
//
// A byte for each granule, at the granule where a block begins: so a pointer's byte says at once
// whether a block begins there, whether it is live, and of which class, which is all that free()
// has to know. It is the only truth: a refill looks here for what is free, an inspector for what is
// live.
//
//     0               no block begins here (yet)
//     class           live
//     class | 0x40    live, and more is known of it: it is a named heap's (heap.h), or was sampled
//     class | 0x80    free, in some thread's cache, or its named heap's
//     class | 0xc0    free, in its span
//
// Cost    a sixteenth of small blocks, 1/256 of medium ones, where they are touched.
// Threads the bytes are atomic. A block is freed by who had it and taken by who holds the lock of
// its
//         arena, so no byte is written by two at a time unless the program frees twice.
#pragma once

#include <atomic>
#include <cstdint>

#include "abi/malloc_layout.h"
#include "malloc/size_class.h"

namespace strata::alloc {

using State = std::atomic<std::uint8_t>;
static_assert(sizeof(State) == 1 && State::is_always_lock_free);

inline constexpr std::uint8_t kInCache = abi::kStateInCache;
inline constexpr std::uint8_t kInSpan = abi::kStateInSpan;
inline constexpr std::uint8_t kMarked = abi::kStateMarked;

/// Live, and nothing else is known of it: what free() knows how to take at once.
constexpr bool is_live(unsigned state) { return state - 1 < kClasses - 1; }
constexpr bool is_marked(unsigned state) { return is_live(state ^ kMarked); }
/// Of a state that is live or marked.
constexpr unsigned class_of_state(unsigned state) { return state & abi::kStateClass; }

}  // namespace strata::alloc
