// inspect/object/heap_profile.h - who allocated what lives in a process on the Strata malloc, as
// far as it was sampled, with the functions' names. Source  inspect/heap/strata/samples.h. Units
// estimates, true on average; by how much one is likely to be off is said with it. Errors
// kUnsupported where the target is not on the Strata malloc, or its library cannot sample. Threads
// one at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/target/means.h"
#include "inspect/target/target.h"

namespace strata {

/// A return address that stands in some stack.
struct ProfileFrame {
  Address caller;
  std::optional<std::size_t> mapping;  ///< an index in HeapProfile::mappings
  std::string symbol;                  ///< as it stands in the symbol table; empty: none covers it
  std::string name;                    ///< readable: the function's, or "module+0x12ab"
  bool is_allocator = false;           ///< malloc itself, or operator new
};

struct ProfileMapping {
  Range range;
  Bytes offset;
  std::string path;
  std::string build_id;
  bool has_names = false;  ///< some symbol of it was found
};

struct ProfileStack {
  std::vector<std::size_t> frames;  ///< indices in HeapProfile::frames, innermost first
  double live_bytes = 0;
  double live_blocks = 0;
  double asked_bytes = 0;    ///< of the live ones
  double live_variance = 0;  ///< of live_bytes, whose root is its standard error
  double total_bytes = 0;    ///< since sampling began, freed or not
  double total_blocks = 0;
  std::uint64_t samples = 0;  ///< live ones
};

struct HeapProfile {
  Identity identity;
  Bytes mean;  ///< what it samples by now; 0: sampling is off
  bool begun = false;
  std::vector<ProfileStack> stacks;
  std::vector<ProfileFrame> frames;
  std::vector<ProfileMapping> mappings;
  ProfileStack total;  ///< sums over all
  std::uint64_t lost = 0;
  std::uint64_t lost_stacks = 0;
  Bytes memory_read;
  std::vector<std::string> notes;
};

/// The target runs on while it is read.
Result<HeapProfile> read_heap_profile(const Target& target, const Means& means);

/// The word in a target by which sampling is switched on and off, and what stands there.
struct SamplingSwitch {
  Address at;
  Bytes mean;
};
Result<SamplingSwitch> find_sampling_switch(const Target& target, const Means& means);

}  // namespace strata
