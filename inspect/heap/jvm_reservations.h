// inspect/heap/jvm_reservations.h - the collectors' own memory, by the records that describe it.
// HotSpot reserves card tables, mark bitmaps and offset tables outside the Java heap and keeps a
// record of each with the object that uses it. The collectors name no such field to readers
// outside, but the records have shapes that little else has, and are reached from the heap in a few
// steps:
//
//     VirtualSpace, PSVirtualSpace   low limit, high limit, low, high    low limit <= low <= high
//     <= high limit G1PageBasedVirtualSpace        low limit, high limit, tail, page   tail < page,
//     a page size ReservedSpace                  base, size, prefix, alignment       not used: too
//     plain
//
// Source  src/hotspot/share/memory/virtualspace.hpp, gc/g1/g1PageBasedVirtualSpace.hpp and
//         gc/parallel/psVirtualspace.hpp of OpenJDK 17 and 25.
#pragma once

#include <vector>

#include "inspect/heap/jvm_structs.h"

namespace strata {

/// The reservations whose records are reached from the heap object at `heap`, or directly from one
/// of `roots` (static words); anonymous, disjoint from each other and from `taken`.
std::vector<Range> find_jvm_reservations(const Space& space, Peek& peek, Address heap, Bytes size,
                                         const std::vector<StaticWords>& roots,
                                         const std::vector<Range>& taken);

}  // namespace strata
