// inspect/page/mapping_query.h - asks the kernel about one mapping by address.
// Source  ioctl PROCMAP_QUERY on /proc/PID/maps (Linux 6.11, include/uapi/linux/fs.h).
#pragma once

#include <optional>

#include "base/file.h"
#include "base/units.h"

namespace strata {

/// The size of the pages that the mapping at `address` is made of: 2 MiB or more for one of the
/// hugetlb pool. `maps` is an open /proc/PID/maps; nothing where the kernel does not say.
std::optional<Bytes> query_page_size(const File& maps, Address address);

}  // namespace strata
