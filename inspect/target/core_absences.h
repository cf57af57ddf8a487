// inspect/target/core_absences.h - what a core does not hold, in sentences with counts and bytes.
// Source  core(5) on coredump_filter; Linux fs/coredump.c, vma_dump_size(), for what is left out
//         whatever the filter says.
#pragma once

#include <string>
#include <vector>

#include "inspect/target/core_layout.h"

namespace strata {

/// What of the memory is not in the core: left out, cut off, or without a header.
std::vector<std::string> name_missing_memory(const std::vector<CoreSegment>& segments,
                                             const std::vector<Mapping>& mappings, Bytes core_size);

/// Whether pages that the process wrote to were dumped (coredump_filter bit 0). Only then is what
/// was left out of a private file mapping still as in the file.
bool holds_written_memory(const std::vector<CoreSegment>& segments);

}  // namespace strata
