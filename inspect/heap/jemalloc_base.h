// inspect/heap/jemalloc_base.h - the blocks that jemalloc keeps its own structures in.
//
//     block  [size|next|record of the unused rest: … address, bytes][structures …][unused]
//                                              └──── address + bytes is the block's end
//
// Source  jemalloc src/base.c (base_block_alloc), base_structs.h.
#pragma once

#include <set>
#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/peek.h"

namespace strata::jemalloc {

/// Blocks are multiples of it, and aligned to it.
inline constexpr Bytes kBlockStep = 2_MiB;

/// The blocks that hold `inside` (rounded down to kBlockStep), and those they are linked to.
std::vector<Range> find_base_blocks(Peek& peek, const AnonymousMemory& memory,
                                    const std::set<Address>& inside);

}  // namespace strata::jemalloc
