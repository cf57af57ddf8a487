// inspect/heap/jvm_structs.h - what a HotSpot VM says of its own structures.
// libjvm.so exports tables of its types, fields and statics for readers outside the process (jhsdb
// is one): gHotSpotVMStructs and gHotSpotVMTypes, and how their entries are laid out.
// Source  src/hotspot/share/runtime/vmStructs.hpp of OpenJDK 8 to 25.
// Errors  none: without tables that read as such there is no JvmStructs.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "inspect/heap/peek.h"

namespace strata {

class JvmStructs {
 public:
  static std::optional<JvmStructs> read(const PresentMemory& memory, Peek& peek,
                                        const Module& libjvm);

  /// Where in an object the field stands: offset("CollectedHeap", "_reserved").
  std::optional<Bytes> offset(std::string_view type, std::string_view field) const;
  /// Where the static member lies.
  std::optional<Address> address(std::string_view type, std::string_view field) const;
  /// How large objects of the type are.
  std::optional<Bytes> size(std::string_view type) const;

 private:
  struct Field {
    bool is_static = false;
    std::uint64_t value = 0;  // an address where it is static, else an offset
  };
  std::unordered_map<std::string, Field> fields_;  // by "Type::field"
  std::unordered_map<std::string, std::uint64_t> sizes_;
};

}  // namespace strata
