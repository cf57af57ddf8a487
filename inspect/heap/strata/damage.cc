#include "inspect/heap/strata/damage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata::strata_malloc {
namespace {

constexpr const char* kWrittenOver =
    "something wrote over malloc's own memory, which no block's overflow reaches: a pointer that "
    "was never one, or failing memory";

class UnitCheck {
 public:
  UnitCheck(const Table& table, const UnitSight& unit, DamageBook& book)
      : table_(table),
        unit_(unit),
        book_(book),
        start_(unit.zone.address_of(unit.number)),
        record_(unit.zone.spans + Bytes{unit.number * table.layout.span_size}) {}

  void check() {
    if (unit_.span.owner.value == 0) return check_free();
    check_owner();
    if (unit_.has_bitmaps && (unit_.is_dirty || unit_.is_clean)) {
      report(record_,
             fmt::format("the unit at {:#x} is a span's, and counts as free", start_.value));
    }
    size_class_ = unit_.span.size_class;
    blocks_ = table_.blocks_of(unit_.zone, size_class_);
    if (blocks_ == 0) {
      return report(record_ + Bytes{table_.layout.span_class},
                    fmt::format("the span at {:#x} is of class {}, which there is none of",
                                start_.value, size_class_));
    }
    if (unit_.span.carved > blocks_) {
      report(record_ + Bytes{table_.layout.span_carved},
             fmt::format("the span at {:#x} has room for {} blocks, and {} are cut", start_.value,
                         blocks_, unit_.span.carved));
    }
    check_states();
    check_gaps();
  }

 private:
  void check_owner() {
    const Address owner = unit_.span.owner;
    if (!table_.has_all_arenas || !table_.named.is_whole || table_.named.arenas.contains(owner) ||
        std::find(table_.arenas.begin(), table_.arenas.end(), owner) != table_.arenas.end()) {
      return;
    }
    report(record_ + Bytes{table_.layout.span_owner},
           fmt::format("the span at {:#x} belongs to {:#x}, which is no arena", start_.value,
                       owner.value));
  }

  void check_free() {
    if (unit_.has_bitmaps && unit_.is_dirty == unit_.is_clean) {
      report(record_,
             fmt::format("the unit at {:#x} is no span's, and {}", start_.value,
                         unit_.is_dirty ? "counts as free twice" : "does not count as free"));
    }
    const std::uint64_t granules = unit_.zone.granules_of_unit();
    for (std::uint64_t i = 0; i < granules; ++i) {
      if (unit_.states[i] == 0) continue;
      return report_state(i, "the unit is no span's");
    }
  }

  /// Of each block; one of many that are wrong stands for all.
  void check_states() {
    const std::uint64_t stride = table_.class_sizes[size_class_].value >> unit_.zone.granule_shift;
    std::uint64_t free = 0, wrong = 0, first = 0;
    for (std::uint64_t i = 0; i < blocks_; ++i) {
      const std::uint8_t state = unit_.states[i * stride];
      const bool is_of_class = (state & abi::kStateClass) == size_class_;
      free += state == (size_class_ | abi::kStateInSpan);
      if (is_of_class ? i < unit_.span.carved : state == 0 && i >= unit_.span.carved) continue;
      if (wrong++ == 0) first = i * stride;
    }
    if (wrong > 0) {
      const std::string others = wrong == 1 ? "" : fmt::format(", and {} others' too", wrong - 1);
      report_state(first, fmt::format("its span is of blocks of {} bytes, {} of {} cut{}",
                                      table_.class_sizes[size_class_].value, unit_.span.carved,
                                      blocks_, others));
    }
    if (free != unit_.span.free) {
      report(record_ + Bytes{table_.layout.span_free},
             fmt::format("the span at {:#x} counts {} free blocks, and {} are marked so",
                         start_.value, unit_.span.free, free));
    }
  }

  /// Where no block can begin.
  void check_gaps() {
    const std::uint64_t stride = table_.class_sizes[size_class_].value >> unit_.zone.granule_shift;
    const std::uint64_t granules = unit_.zone.granules_of_unit();
    for (std::uint64_t i = 0; i < granules; ++i) {
      if (unit_.states[i] == 0 || (i % stride == 0 && i / stride < blocks_)) continue;
      return report_state(i, fmt::format("no block of {} bytes begins there",
                                         table_.class_sizes[size_class_].value));
    }
  }

  void report_state(std::uint64_t granule, const std::string& why) {
    const Address block = start_ + Bytes{granule << unit_.zone.granule_shift};
    book_.report({unit_.zone.states + Bytes{unit_.number * unit_.zone.granules_of_unit() + granule},
                  fmt::format("the state of the block at {:#x} is {:#04x}: {}", block.value,
                              unit_.states[granule], why),
                  kWrittenOver, block});
  }
  void report(Address at, std::string what) {
    book_.report({at, std::move(what), kWrittenOver, start_});
  }

  const Table& table_;
  const UnitSight& unit_;
  DamageBook& book_;
  const Address start_, record_;
  unsigned size_class_ = 0;
  std::uint64_t blocks_ = 0;
};

}  // namespace

void DamageBook::report(Damage found) {
  ++count_;
  if (found_.size() < kMost) found_.push_back(std::move(found));
}

void DamageBook::doubt(const DamageBook& earlier) {
  std::vector<Damage> all = std::move(found_);
  found_.clear();
  unfinished_.clear();
  for (Damage& damage : all) {
    const bool was_so = std::any_of(
        earlier.found_.begin(), earlier.found_.end(),
        [&](const Damage& other) { return other.at == damage.at && other.what == damage.what; });
    (was_so ? found_ : unfinished_).push_back(std::move(damage));
  }
  count_ = found_.size();
}

void check_unit(const Table& table, const UnitSight& unit, DamageBook& book) {
  UnitCheck(table, unit, book).check();
}

}  // namespace strata::strata_malloc
