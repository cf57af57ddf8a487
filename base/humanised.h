// base/humanised.h - a size as people read it.
#pragma once

#include <string>

#include "base/units.h"

namespace strata {

/// "412.6 MiB", "0 B": one decimal from 1 KiB on.
std::string humanised(Bytes bytes);

}  // namespace strata
