// inspect/heap/strata/samples.h - the Strata malloc's sampled blocks and their stacks, as a target
// has them.
// The target goes on meanwhile: a record that changes while it is read is looked at again, and left
// out where it does not come to rest. No number that stands in the target is believed before it
// fits. Source  abi/malloc_samples.h. Errors  none: what does not hold is left out and counted.
// Cost    64 bytes read for each block that was ever sampled at a time, 8 for each frame of a
// stack;
//         what is read has a bound.
#pragma once

#include <cstdint>
#include <vector>

#include "abi/malloc_samples.h"
#include "inspect/heap/strata/table.h"

namespace strata::strata_malloc {

struct Sample {
  Address block;
  Bytes bytes;  ///< that it has room for
  Bytes asked;
  Bytes mean;  ///< by which it was sampled
  std::uint64_t time_ms = 0;
  std::uint32_t thread = 0;
  std::size_t stack = 0;  ///< an index in SampledHeap::stacks

  /// For how many blocks it stands: what makes estimates true on average.
  double weight() const;
};

struct SampledStack {
  std::vector<Address>
      callers;        ///< return addresses, innermost first; none where there was no room
  double blocks = 0;  ///< allocated there while it sampled, freed or not: an estimate
  double bytes = 0;
};

struct SampledHeap {
  Bytes wanted;        ///< bytes from one sampled byte to the next, on average; 0: it is off
  bool known = false;  ///< the target's library can sample
  bool begun = false;  ///< it was on at some time
  std::vector<Sample> live;
  std::vector<SampledStack> stacks;
  std::uint64_t lost = 0;         ///< sampled, and no room for the record
  std::uint64_t lost_stacks = 0;  ///< sampled, and no room for the stack
  std::uint64_t unread = 0;       ///< records that changed while they were read, or make no sense
  Bytes bytes_read;
};

SampledHeap read_samples(const PresentMemory& memory, const Table& table);

/// Where the word is that switches sampling on and off; nothing where the library has none.
std::optional<Address> mailbox_of(const Table& table);

}  // namespace strata::strata_malloc
