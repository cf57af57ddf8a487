#include "base/units.h"

#include <unistd.h>

namespace strata {

Bytes page_size() {
  static const Bytes size{static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))};
  return size;
}

}  // namespace strata
