// present/map_view.h - the address space line by line, as pmap would if it knew what things are.
#pragma once

#include <string>

#include "inspect/ledger/explanation.h"
#include "present/document.h"

namespace strata {

struct MapView {
  enum class Sort {
    kAddress,
    kSize,
    kResident,
    kProportional,
    kDirty,
    kSwapped
  } sort = Sort::kAddress;
  std::string filter;  ///< only lines whose purpose, name or protection contain this
  enum class Pages { kHide, kShow } pages = Pages::kHide;
};

Document view(const Explanation& explanation, const MapView& how);

}  // namespace strata
