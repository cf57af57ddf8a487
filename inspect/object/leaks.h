// inspect/object/leaks.h - live blocks of a heap that nothing reaches: glibc's or the Strata
// malloc's.
//
//     stop ── walk the heap, keep what could lead into it ── look through roots ── let go
//                                                     follow, count, name
//
// While the target stands its memory is read once; all else is done when it runs again. Without
// stopping it what is found are candidates: a pointer may have moved from where was not yet looked
// to where was.
//
// Errors  kUnsupported where neither malloc is in use, or its heap is larger than can be numbered.
// Threads one at a time.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "inspect/object/content.h"
#include "inspect/object/reach.h"
#include "inspect/target/means.h"
#include "inspect/target/target.h"

namespace strata {

struct LeakOptions {
  std::optional<std::chrono::microseconds> freeze_limit;  ///< nothing: it is not stopped
  std::vector<Thread> standing;  ///< the threads of a target that stands already
  Bytes least;                   ///< leave out leaks that, with what they hold, are smaller
  std::optional<Address> why;    ///< how this block is reached
  enum class Text { kHide, kShow } text = Text::kHide;
  Progress progress;  ///< told how far it is, but not while the target stands
};

struct FoundLeak {
  Address address;  ///< as malloc() gave it
  Bytes chunk;      ///< with its header, where blocks have one
  Bytes usable;
  bool is_cycle = false;
  Count indirect;
  Content content;
  std::string type;  ///< C++, by its vtable; raw; empty where it has none
  std::string text;  ///< where it was asked for
};

/// A step from a root to a block.
struct Step {
  Address at;        ///< of the first one where the pointer stands, 0 for a register; then the
                     ///< block that holds it
  std::string what;  ///< of the first one: whose memory it is
  Address block;     ///< the block that it leads to
  Bytes usable;
};

struct LeakReport {
  Identity identity;
  bool frozen = false;
  bool let_go_early = false;
  std::chrono::microseconds stood{};
  Count live,
      from_within;  ///< all live blocks; of the reached ones those by no pointer to the start
  Count direct, indirect;
  std::vector<FoundLeak> leaks;  ///< direct ones, with what they hold largest first
  std::uint64_t left_out = 0;    ///< smaller than was asked for, or too many to be kept
  std::vector<Step> why;         ///< empty where it is reached by nothing, or was not asked for
  Bytes memory_read;
  std::vector<std::string> notes;
};

Result<LeakReport> find_leaks(const Target& target, const Means& means, const LeakOptions& options);

}  // namespace strata
