// malloc/unwind.h - who called: the return addresses of a thread's own stack.
// By what compilers say of frames (frame_rules.h), also where there are no frame pointers; by frame
// pointers where nothing is said, as in code made at run time. What was found out about an address
// is remembered. Ends where a frame cannot be left, with what it has.
//
// Cost    about 60 ns a frame that is remembered, 1 us one that is not; measured in
//         docs/design/malloc.md.
// Threads any number at once. In a signal handler as malloc is; no memory is asked for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace strata::alloc {

/// Fills `into` with up to `most` addresses, the caller's own first; how many.
std::size_t capture_stack(std::uint64_t* into, std::size_t most);

}  // namespace strata::alloc
