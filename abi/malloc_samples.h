// abi/malloc_samples.h - the Strata malloc's sampled blocks, for a reader in another process.
//
// Of all bytes that a program allocates, points are chosen at random, `mean` bytes apart (a Poisson
// process); a block on which one falls is sampled. So a block of s bytes is with a probability of
//
//     p = 1 - exp(-s / mean)
//
// and stands, in an estimate that is true on average, for 1 / p blocks and s / p bytes.
//
//     MallocSamples ──▶ records   [sample][      ][sample] …      fixed; those with an address live
//                           │
//                           └───▶ stacks   [ MallocStack | pc pc pc … ][ MallocStack | … ]
//
// A record is written while its `sequence` is odd. Stacks are written once and stay; what is
// counted in them grows.
#pragma once

#include <cstdint>

namespace strata::abi {

/// A block that was sampled and is live. 64 bytes.
struct MallocSample {
  std::uint64_t address;  ///< 0 where there is none
  std::uint64_t bytes;    ///< that the block has room for: s, above
  std::uint64_t asked;    ///< that the program asked for
  std::uint64_t mean;     ///< by which it was sampled
  std::uint64_t time;     ///< when: CLOCK_MONOTONIC, milliseconds
  std::uint32_t stack;    ///< where its stack begins, in words of `stacks`
  std::uint32_t thread;   ///< its TID
  std::uint32_t sequence;
  std::uint32_t next;
  std::uint64_t unused;
};
static_assert(sizeof(MallocSample) == 64);

/// The call that allocated, innermost first: return addresses follow, `depth` words of them. What
/// was sampled there since sampling first began, freed or not, is counted by what it stands for.
struct MallocStack {
  std::uint64_t hash;
  std::uint64_t bytes;
  std::uint64_t blocks;  ///< in units of 1 / kSampledBlock
  std::uint32_t next;
  std::uint32_t depth;
};
static_assert(sizeof(MallocStack) == 32);

inline constexpr std::uint64_t kSampledBlock = 256;
inline constexpr std::uint32_t kMostStackDepth = 64;

/// Part of MallocLayout.
struct MallocSamples {
  /// How many bytes apart, on average; 0 is off. The one word that a process outside may write:
  /// threads see it when they next need more blocks than they have at hand.
  std::uint64_t wanted;
  std::uint64_t records;  ///< array of MallocSample; 0 before sampling was first on
  std::uint64_t stacks;   ///< array of words; a MallocStack at its first
  std::uint32_t most_records, used_records;
  std::uint32_t most_words, used_words;
  std::uint64_t lost;         ///< samples for which there was no record
  std::uint64_t lost_stacks;  ///< and those whose stack is the first one, which is empty
};

}  // namespace strata::abi
