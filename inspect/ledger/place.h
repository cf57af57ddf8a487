// inspect/ledger/place.h - one address through all layers.
// Errors  kNotFound where no mapping is, with the nearest ones below and above.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "inspect/page/frame.h"
#include "inspect/space/module.h"
#include "inspect/space/stack.h"
#include "inspect/target/means.h"
#include "inspect/target/target.h"

namespace strata {

struct PlaceOptions {
  enum class Content { kHide, kShow } content = Content::kHide;
};

struct Place {
  Identity identity;
  Address address;
  Mapping mapping;
  /// What each claim over the address says, the weakest first; the last one has the bytes.
  struct Layer {
    std::vector<std::string> account;
    Range range;
    std::string evidence;
  };
  std::vector<Layer> layers;
  std::optional<Module> module;
  std::optional<Section> section;
  std::optional<SymbolAt> symbol;
  std::optional<Stack> stack;
  std::optional<TableWalk> walk;   ///< nothing for a core, or where how it ends is hidden
  std::optional<Frame> frame;      ///< nothing for a core
  std::vector<std::byte> content;  ///< up to 64 bytes from `address` on, where asked for
  std::vector<std::string> notes;
};

Result<Place> find_place(const Target& target, const Means& means, Address address,
                         const PlaceOptions& options);

}  // namespace strata
