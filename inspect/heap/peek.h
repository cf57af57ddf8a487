// inspect/heap/peek.h - small, counted reads for readers that follow pointers.
// Remembers pages, so that a walk over neighbouring structures costs one read a page, and stops
// at a budget, so that no lying structure can make a reader run on.
// Cost    2 MiB of remembered pages, and as much again of modules' constants.
// Errors  none: what is not resident, not mapped or past the budget is absent.
// Threads one at a time.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/file.h"
#include "inspect/heap/heap_reader.h"

namespace strata {

/// What a reader whose structures grow with the heap may read of them: 1/32 of what is mapped (a
/// map's entries and records take half of that), at least 256 MiB and at most 4 GiB.
Bytes read_limit_for_records(const Space& space);

class Peek {
 public:
  explicit Peek(const HeapScene& scene, Bytes budget = 64_MiB)
      : space_(scene.space), memory_(scene.memory), budget_(budget) {}

  /// Fills `into` with resident bytes, whole or not at all; past the memory of pages.
  bool read(Address from, std::span<std::byte> into);

  /// A value out of the remembered pages.
  template <class T>
  std::optional<T> value(Address from) {
    T result;
    if (!copy(from, std::as_writable_bytes(std::span(&result, 1)))) return std::nullopt;
    return result;
  }
  std::optional<std::uint64_t> word(Address from) { return value<std::uint64_t>(from); }

  /// Fills `into` with the 8-byte words from `from` on, absent pages as zeros; false where the
  /// budget does not allow it.
  bool read_words(Address from, std::span<std::uint64_t> into);

  /// A NUL-terminated string of at most `limit` bytes that stands in a module's constants. Where
  /// its page is not resident it is read from the module's file instead.
  std::optional<std::string> constant_string(Address from, std::size_t limit = 128);

  /// A word that the module's file holds too: of its constants, or data that nobody writes.
  std::optional<std::uint64_t> constant_word(Address from);

  /// For what is read in bulk, past the budget.
  const PresentMemory& memory() const { return memory_; }

  Bytes bytes_read() const { return bytes_read_; }
  /// Whether something was left out because the budget was reached.
  bool exhausted() const { return exhausted_; }

 private:
  static constexpr std::size_t kPage = 4096;
  using Page = std::array<std::byte, kPage>;

  /// What of `into` could be filled; the last read may pass the budget, the next is refused.
  std::optional<Bytes> read_present(Address from, std::span<std::byte> into);
  bool copy(Address from, std::span<std::byte> into);
  const Page* page(Address start);
  const Page* constant_page(Address start);

  const Space& space_;
  const PresentMemory& memory_;
  Bytes budget_;
  Bytes bytes_read_;
  bool exhausted_ = false;
  // A null page is one that is known to be absent.
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> pages_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Page>> constants_;
};

/// The writable words of a module's segments (.data and .bss with them); absent pages are zeros.
struct StaticWords {
  Address start;
  std::vector<std::uint64_t> words;

  Address address(std::size_t index) const { return start + Bytes{index * 8}; }
};
std::vector<StaticWords> read_static_words(Peek& peek, const Module& module);

/// Whether all of `range` is mapped, private and in no file, and no part of it is a module's.
bool is_anonymous(const Space& space, Range range);
/// The mapping around `address` where it is anonymous memory that the process can write.
const Mapping* find_writable_anonymous(const Space& space, Address address);

}  // namespace strata
