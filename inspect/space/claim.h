// inspect/space/claim.h - "this range is X, because".
// Each source of meaning emits claims; it knows nothing of pages or of other sources. Where claims
// overlap, the ledger lets the higher rank have the bytes, and of equal ranks the innermost.
#pragma once

#include <cstdint>
#include <vector>

#include "base/units.h"
#include "inspect/space/chart.h"

namespace strata {

/// Who wins where claims overlap; later entries win over earlier ones. This is the only table of
/// its kind: a new source takes a place in it and never compares itself with another.
enum class Rank : std::uint8_t {
  kMapping,        ///< what the kernel's own line says of a mapping
  kOwner,          ///< who holds a pointer to an anonymous mapping, or borders on it
  kSegment,        ///< a module's PT_LOAD
  kSection,        ///< a module's ELF section, and RELRO
  kRuntimeRegion,  ///< what a runtime reserved as a whole: the JVM's heap, V8's cage, Go's arenas
  kHeap,           ///< an allocator's region: arena, sub-heap, mmapped chunk, pool
  kStack,          ///< a thread's stack, wherever it was allocated
  kStackPart,      ///< used, or below the stack pointer
  kThreadBlock,    ///< TLS and the thread control block
  kBlock,          ///< one block in a heap
};

struct Claim {
  Range range;
  AccountId account = AccountId::kRoot;
  EvidenceId evidence = EvidenceId::kNone;
  Rank rank = Rank::kMapping;
};

/// Claims in address order, pulled one at a time so that no heap need ever be stored.
class ClaimStream {
 public:
  virtual ~ClaimStream() = default;
  /// The next claim, whose start is not below the last one's; false at the end.
  virtual bool next(Claim& claim) = 0;
};

}  // namespace strata
