// inspect/heap/jvm_metaspace.h - where a HotSpot VM keeps its classes' metadata.
//
//     static ──> MetaspaceContext {name, list, …}
//                    └─> VirtualSpaceList {[vtable,] name, first node, …}     the same name
//                            └─> VirtualSpaceNode {next, base, size, …, base, words, …}
//
// Source
// src/hotspot/share/memory/metaspace/{metaspaceContext,virtualSpaceList,virtualSpaceNode}.hpp
//         of OpenJDK 16 to 25 (JEP 387). Earlier metaspaces are built otherwise and not found.
#pragma once

#include <string>
#include <vector>

#include "inspect/heap/peek.h"

namespace strata {

struct JvmMetaspaceNode {
  Range range;       ///< reserved as a whole, committed in parts
  std::string name;  ///< the context's: "class-space", "non-class-space"
};

std::vector<JvmMetaspaceNode> find_jvm_metaspace(const Space& space, Peek& peek,
                                                 const Module& libjvm,
                                                 const std::vector<StaticWords>& statics);

}  // namespace strata
