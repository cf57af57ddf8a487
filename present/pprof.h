// present/pprof.h - a profile as pprof(1) reads it: profile.proto, gzipped.
//
//     sample_type   alloc_objects/count  alloc_space/bytes  inuse_objects/count  inuse_space/bytes
//
// They are the names that Go's heap profiles have, so pprof and what else reads those shows it by
// itself: bytes in use first.
//
// Source  github.com/google/pprof, proto/profile.proto; protobuf's encoding (varints, LEN); RFC
// 1952. Threads no shared state.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "inspect/object/heap_profile.h"

namespace strata {

/// Its bytes before they are compressed. `time` is when it was read, in ns since 1970.
std::string pprof_of(const HeapProfile& profile, std::int64_t time);

/// gzip; kSystem where zlib has no memory.
Result<std::string> gzipped(const std::string& bytes);

}  // namespace strata
