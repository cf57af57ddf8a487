// inspect/heap/strata/damage.h - what of a Strata malloc's own memory must hold and does not.
//
//     states ─▶ the class of their span, or none      counted free ─▶ as many states say so
//     owner  ─▶ an arena in the list                  units ─▶ a span, or dirty, or clean
//     runs   ─▶ each behind the one before            dirty pages ─▶ of free runs alone
//
// Blocks lie apart from all this, so what runs over a block's end damages none of it.
//
// Threads one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/units.h"
#include "inspect/heap/strata/table.h"

namespace strata::strata_malloc {

struct Damage {
  Address at;         ///< of what is wrong
  std::string what;   ///< a sentence without its full stop
  std::string cause;  ///< what usually does that
  Address block;      ///< that it is about, or where blocks would be; 0 where it is about none
};

/// What a span says of itself.
struct SpanRecord {
  Address owner;
  std::uint8_t size_class = 0;
  std::uint32_t free = 0, carved = 0;
};

class DamageBook {
 public:
  static constexpr std::size_t kMost = 100;

  const std::vector<Damage>& found() const { return found_; }
  /// In a heap that ran: what did not hold once, and did the next time.
  const std::vector<Damage>& unfinished() const { return unfinished_; }
  /// How many there were, of which at most kMost are kept.
  std::uint64_t count() const { return count_; }

  void report(Damage found);
  void clear() { *this = {}; }
  /// Of a heap that ran between two looks: only what was so in `earlier` too is damage.
  void doubt(const DamageBook& earlier);

 private:
  std::vector<Damage> found_, unfinished_;
  std::uint64_t count_ = 0;
};

/// A unit with what a table says of it; `states` are a byte for each granule.
struct UnitSight {
  const Zone& zone;
  std::uint64_t number = 0;
  SpanRecord span;
  const std::uint8_t* states = nullptr;
  bool is_dirty = false, is_clean = false;
  bool has_bitmaps = false;  ///< that say so
};
void check_unit(const Table& table, const UnitSight& unit, DamageBook& book);

}  // namespace strata::strata_malloc
