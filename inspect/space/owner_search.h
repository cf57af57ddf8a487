// inspect/space/owner_search.h - who holds a pointer to memory that nothing else explains.
// Looks for words that point into some wanted ranges. What an integer happens to point to is told
// from a pointer by nothing; one that leads to the very start counts for more, and the evidence is
// what it is: a word at a place.
// Cost    Reads what is present, once; the caller says how much of it.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/units.h"
#include "inspect/page/present_memory.h"

namespace strata {

/// Where words were looked at.
struct Holder {
  enum class Kind : std::uint8_t { kData, kStack, kHeap } kind = Kind::kData;
  std::string name;   ///< "libc.so.6", "main's stack"
  std::string where;  ///< "in libc.so.6's data", "on main's stack"
};

class OwnerSearch {
 public:
  static constexpr std::uint32_t kNobody = ~std::uint32_t{0};
  struct Wanted {
    Range range;
    Address word;                    ///< that points to it
    std::uint32_t holder = kNobody;  ///< in holders()
    bool exact = false;              ///< it points to the very start
  };

  /// `wanted` by address, disjoint.
  OwnerSearch(const PresentMemory& memory, std::span<const Range> wanted);

  std::uint32_t add(Holder holder);
  /// Looks through what of `range` is present, as long as `budget` lasts. Words in a wanted range
  /// say nothing of that range; and who was found first stays, unless one of the same kind, or the
  /// same, points to the very start.
  void look_through(Range range, std::uint32_t holder, Bytes& budget);

  /// How many, of those that are a page or more, have no holder yet.
  std::size_t missing() const { return missing_; }
  bool is_done() const { return missing_ == 0; }
  const std::vector<Wanted>& wanted() const { return wanted_; }
  const Holder& holder(std::uint32_t index) const { return holders_[index]; }
  /// What got its first holder since this was last asked: indices into wanted().
  std::vector<std::uint32_t> take_news();
  Bytes bytes_read() const { return bytes_read_; }

 private:
  void look_through_words(Address from, std::uint32_t holder);
  void note(Address word, Address value, std::uint32_t holder);

  const PresentMemory& memory_;
  std::vector<Wanted> wanted_;
  std::size_t missing_ = 0;
  std::vector<Holder> holders_;
  std::vector<std::uint32_t> news_;
  std::vector<std::uint64_t> words_;
  Bytes bytes_read_;
};

}  // namespace strata
