// present/page_view.h - one address through all layers, as a document.
#pragma once

#include "inspect/ledger/place.h"
#include "present/document.h"

namespace strata {

Document view(const Place& place);

}  // namespace strata
