// inspect/space/claims.h - the claims that the address space itself gives rise to.
#pragma once

#include <vector>

#include "inspect/space/chart.h"
#include "inspect/space/claim.h"
#include "inspect/space/space.h"

namespace strata {

/// Every mapping by what the kernel's line says: modules' files, other files, shared memory,
/// memfds, System V segments, tmpfs, devices, vdso, [heap]; anonymous ones as unexplained.
std::vector<Claim> claim_mappings(const Space& space, Chart& chart);
/// Segments, sections and padding of modules.
std::vector<Claim> claim_modules(const Space& space, Chart& chart);
/// Anonymous mappings by the module whose data points to them, or which they adjoin.
std::vector<Claim> claim_by_owner(const Space& space, const PresentMemory& memory, Chart& chart);
/// Stacks: used, below the stack pointer, thread block.
std::vector<Claim> claim_stacks(const Space& space, Chart& chart);

}  // namespace strata
