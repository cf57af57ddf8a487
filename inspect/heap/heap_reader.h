// inspect/heap/heap_reader.h - the seam at which an allocator or runtime joins the ledger.
// A reader recognises one allocator in a target it was never told about and claims its regions,
// each with the evidence. It runs without symbols where it can, trusts nothing it reads, and says
// in a note what it recognised and could not place.
//
// What it keeps does not grow with the heap: extents, spans and pages pass through and their claims
// are joined (joined_claims.h), or there is a bound beyond which a note says that some are missing.
//
// To add an allocator: one file that defines a HeapReader, and its line in heap_readers.cc.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "inspect/heap/heap_walk.h"
#include "inspect/page/present_memory.h"
#include "inspect/space/chart.h"
#include "inspect/space/claim.h"
#include "inspect/space/space.h"

namespace strata {

/// What a reader may look at, and where it books what it finds.
struct HeapScene {
  const Space& space;
  const PresentMemory& memory;
  Chart& chart;
  /// kCheck holds everything against everything that a walk meets, and keeps what that takes.
  enum class Depth { kWalk, kCheck } depth = Depth::kWalk;
};

namespace glibc {
struct Contents;
}
namespace strata_malloc {
struct Contents;
}

struct HeapSurvey {
  std::vector<Claim> claims;  ///< in any order, Rank::kRuntimeRegion or kHeap
  /// What lies inside these, where the reader tells blocks apart; it looks at the scene again.
  std::unique_ptr<HeapWalk> walk;
  /// What the walk found, once it is over; of glibc alone.
  std::shared_ptr<glibc::Contents> glibc;
  /// The same, of the Strata malloc alone.
  std::shared_ptr<strata_malloc::Contents> strata_malloc;
  std::vector<std::string> notes;  ///< a sentence each
  Bytes bytes_read;                ///< of the target's memory, for the cost account
};

struct HeapReader {
  std::string_view name;  ///< as it stands under heap/: "glibc", "jemalloc"
  /// An allocator that is not there gives an empty survey.
  HeapSurvey (*survey)(const HeapScene& scene);
  /// kReads where it asks modules' files for symbols or constants: then it is asked once before
  /// the target is stopped, so that the shelf has them. kLeaves spares that where it never does.
  enum class Files { kReads, kLeaves } files = Files::kReads;
};

/// All readers, in the order in which they are asked.
std::span<const HeapReader> heap_readers();

}  // namespace strata
