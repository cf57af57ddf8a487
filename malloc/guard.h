// malloc/guard.h - memory at which a program ends by SIGSEGV when it touches it; for hardening.
//
// From Linux 6.13 on it is a mark in the page table. Before, and for locked memory, it is a mapping
// of its own, of which a process may have 65530 in all: so at most kMostMapped, and what would be
// beyond is left without.
//
// Errors  errno stays as it was. Threads  any number at once.
#pragma once

#include <cstddef>

namespace strata::alloc::guard {

inline constexpr int kMostMapped = 8192;

enum class Kind : unsigned char { kNone, kMark, kMapping };

/// Has [from, from + bytes) guarded; what was there is gone. kNone where it cannot be had.
Kind set(void* from, std::size_t bytes);
/// Memory again, as when it was committed; false where the kernel refuses.
bool clear(void* from, std::size_t bytes, Kind kind);
/// Takes the pages of memory that is free: gone at the latest when it is cleared, and, as far as it
/// is marks that make guards, guarded till then. False where its contents are still there.
bool fence(void* from, std::size_t bytes);
/// What was fenced is memory again, all zero; false where the kernel refuses.
bool unfence(void* from, std::size_t bytes);

}  // namespace strata::alloc::guard
