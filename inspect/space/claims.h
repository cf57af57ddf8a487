// inspect/space/claims.h - the claims that the address space itself gives rise to.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "inspect/space/chart.h"
#include "inspect/space/claim.h"
#include "inspect/space/space.h"

namespace strata {

/// Every mapping by what the kernel's line says: modules' files, other files, shared memory,
/// memfds, System V segments, tmpfs, devices, vdso, [heap]; anonymous ones as unexplained.
/// `kind` tells who wrote those lines: a core's are put together from its notes.
std::vector<Claim> claim_mappings(const Space& space, TargetKind kind, Chart& chart);
/// Segments, sections and padding of modules.
std::vector<Claim> claim_modules(const Space& space, Chart& chart);
/// Anonymous mappings that none of `claims` (heaps, stacks, modules) explains, by who holds a
/// pointer to them, or what they adjoin.
struct OwnerSurvey {
  std::vector<Claim> claims;
  std::vector<std::string> notes;  ///< a sentence each
  Bytes bytes_read;                ///< of the target's memory
};
OwnerSurvey claim_by_owner(const Space& space, const PresentMemory& memory,
                           std::span<const Claim> claims, Chart& chart);
/// Stacks: used, below the stack pointer, thread block.
std::vector<Claim> claim_stacks(const Space& space, Chart& chart);

}  // namespace strata
