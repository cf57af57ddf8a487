// abi/malloc_options.h - what can be said to the Strata malloc in STRATA_MALLOC=key:value,key:value
// or by strata_malloc_option(): the one table that it parses by, and that `strata run --help`
// shows.
//
// Units   kMilliseconds a plain number; kBytes a number, with K, M or G behind it as wanted.
#pragma once

#include <cstdint>

namespace strata::abi {

enum class OptionUnit : std::uint8_t { kFlag, kMilliseconds, kBytes };
/// Until when it can be set: until the first block is given, or always.
enum class OptionUntil : std::uint8_t { kFirstBlock, kAlways };

struct MallocOption {
  const char* name;
  OptionUnit unit;
  std::uint64_t preset, most;
  OptionUntil until;
  const char* says;
};

inline constexpr MallocOption kMallocOptions[] = {
    {"background", OptionUnit::kFlag, 1, 1, OptionUntil::kAlways,
     "a thread gives memory back while the program rests"},
    {"decay", OptionUnit::kMilliseconds, 4000, 3'600'000, OptionUntil::kAlways,
     "what stayed free for so long is given back; 0 is never, but by malloc_trim()"},
    {"check_sizes", OptionUnit::kFlag, 0, 1, OptionUntil::kFirstBlock,
     "the size given to a sized delete or free_sized() must be the block's"},
    {"harden", OptionUnit::kFlag, 0, 1, OptionUntil::kFirstBlock,
     "random places, guard pages; what is freed is erased, kept back, checked when used again"},
    {"quarantine", OptionUnit::kBytes, 1 << 20, std::uint64_t{1} << 40, OptionUntil::kFirstBlock,
     "with harden, each thread keeps so much of what it freed from being used again"},
    {"sample", OptionUnit::kBytes, 0, std::uint64_t{1} << 40, OptionUntil::kFirstBlock,
     "who allocated is noted for one byte in so many (512K is usual); strata profile shows it"},
};

/// Places in the table.
enum class MallocOptionKey : std::uint8_t {
  kBackground,
  kDecay,
  kCheckSizes,
  kHarden,
  kQuarantine,
  kSample,
  kCount
};
static_assert(sizeof kMallocOptions / sizeof kMallocOptions[0] ==
              static_cast<unsigned>(MallocOptionKey::kCount));

}  // namespace strata::abi
