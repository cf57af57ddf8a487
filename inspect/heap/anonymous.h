// inspect/heap/anonymous.h - the private anonymous memory of a target, where allocators live.
// An index made once a survey, because readers ask of every word they see whether it could be a
// pointer into an allocator's memory.
// Threads may be asked by several at once.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/heap_reader.h"

namespace strata {

/// Whether a mapping is memory that the process got without a file: mmap, brk, hugetlb; no stack.
bool is_private_anonymous(const Mapping& mapping);

class AnonymousMemory {
 public:
  explicit AnonymousMemory(const Space& space);

  /// The writable run (neighbouring mappings count as one) that `address` lies in.
  std::optional<Range> find_writable(Address address) const;
  /// The run that `address` lies in, writable or not: a reservation is both.
  std::optional<Range> find_any(Address address) const;
  /// Whether all of `range` is anonymous, writable or not.
  bool covers(Range range) const;
  /// What of `range` is anonymous, writable or not, by address.
  std::vector<Range> parts(Range range) const;

  const std::vector<Range>& writable() const { return writable_; }
  const std::vector<Range>& any() const { return any_; }

 private:
  std::vector<Range> writable_;  // neighbours joined
  std::vector<Range> any_;       // neighbours joined
};

/// Books what of `range` is anonymous memory; the bytes booked.
Bytes claim_anonymous(const AnonymousMemory& memory, HeapSurvey& survey, Range range,
                      AccountId account, EvidenceId evidence, Rank rank = Rank::kHeap);

/// "libc.so.6+0x1d4c60", or the bare address where no module covers it.
std::string place_of(const Space& space, Address address);

/// "3 MiB", "128 KiB", "17 bytes": for evidence and notes, exact where it is short.
std::string size_text(Bytes size);

}  // namespace strata
