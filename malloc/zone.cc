#include "malloc/zone.h"

#include <algorithm>
#include <cstring>

#include "malloc/decay.h"
#include "malloc/guard.h"
#include "malloc/os.h"
#include "malloc/poison.h"
#include "malloc/random.h"

namespace strata::alloc {
namespace {

// A zone of so many bytes grows by huge pages.
constexpr std::size_t kHugeFrom = std::size_t{32} << 20;

constexpr std::size_t up_to_page(std::size_t bytes) {
  return (bytes + os::kPage - 1) / os::kPage * os::kPage;
}

// Where units are taken at random.
constexpr int kBegunAtOnce = 8;

}  // namespace

std::size_t Zone::beside(std::size_t bytes) const {
  const std::size_t units = bytes >> shape_.unit_shift;
  return up_to_page(bytes >> shape_.granule_shift) + up_to_page(units * sizeof(Span)) +
         2 * UnitSet::bytes_for(static_cast<std::uint32_t>(units));
}

void Zone::place(std::uintptr_t base, std::size_t bytes, std::uintptr_t beside) {
  base_ = base;
  units_ = static_cast<std::uint32_t>(bytes >> shape_.unit_shift);
  data_.place(base, bytes);
  states_memory_.place(beside, up_to_page(bytes >> shape_.granule_shift));
  spans_memory_.place(states_memory_.end(), up_to_page(units_ * sizeof(Span)));
  states_ = reinterpret_cast<State*>(states_memory_.start());
  states_of_zero_ = states_memory_.start() - (base >> shape_.granule_shift);
  spans_ = reinterpret_cast<Span*>(spans_memory_.start());
  beside = spans_memory_.end();
  dirty_.place(beside, units_);
  clean_.place(beside + UnitSet::bytes_for(units_), units_);
}

unsigned Zone::take_units(Span*& home, Span** units, unsigned most) {
  {
    const Hold hold(lock_);
    if (const unsigned got = take_dirty(home, units, most); got > 0) return got;
    units[0] = take_clean();
  }
  if (units[0] == nullptr) return 0;
  trade(unit_size(), For::kBlocks);
  return 1;
}

unsigned Zone::take_dirty(Span*& home, Span** units, unsigned most) {
  unsigned got = 0;
  for (; got < most; ++got) {
    std::uint32_t unit = 0;
    if (home != nullptr) {
      unit = static_cast<std::uint32_t>(home->previous - spans_);
    } else if (unit = choose(dirty_); unit == UnitSet::kNone) {
      break;
    }
    dirty_.erase(unit);
    leave_home(spans_[unit]);
    units[got] = &spans_[unit];
  }
  if (got > 0) unneeded_.fell_to(dirty_.size());
  return got;
}

Span* Zone::take_clean() {
  const std::uint32_t unit = choose(clean_);
  if (unit == UnitSet::kNone) return take_fresh();
  clean_.erase(unit);
  return &spans_[unit];
}

std::uint32_t Zone::choose(UnitSet& units) const {
  if (guard_ == 0 || units.size() == 0) return units.lowest();
  return units.any_near(static_cast<std::uint32_t>(random_below(frontier_)));
}

/// Where units are taken at random, some are begun at a time, of which one is taken.
Span* Zone::take_fresh() {
  if (guard_ == 0) return extend() ? &spans_[frontier_ - 1] : nullptr;
  for (int i = 0; i < kBegunAtOnce && extend(); ++i) {
    const std::uint32_t unit = frontier_ - 1;
    guard::set(reinterpret_cast<void*>(base() + ((unit + std::uintptr_t{1}) << shape_.unit_shift) -
                                       guard_),
               guard_);
    clean_.insert(unit);
  }
  const std::uint32_t unit = choose(clean_);
  if (unit == UnitSet::kNone) return nullptr;
  clean_.erase(unit);
  return &spans_[unit];
}

/// One unit more; false where there is no memory.
bool Zone::extend() {
  if (frontier_ == units_) return false;
  const std::size_t units = frontier_ + std::size_t{1};
  if (!states_memory_.reach(units * states_of_unit()) ||
      !spans_memory_.reach(units * sizeof(Span)) || !dirty_.reach(frontier_ + 1) ||
      !clean_.reach(frontier_ + 1) || !data_.reach(units << shape_.unit_shift)) {
    return false;
  }
  granules_.store(units * states_of_unit(), std::memory_order_relaxed);
  if (guard_ == 0) take_huge_page();
  ++frontier_;
  return true;
}

/// Where the frontier comes to one. A page that is had as a whole costs a tenth of its 512 parts,
/// and the processor finds all of it at once; what is not used of the last one is little beside the
/// rest.
void Zone::take_huge_page() {
  const std::size_t at = std::size_t{frontier_} << shape_.unit_shift;
  if (at < kHugeFrom || at % os::kHugePage != 0 || !data_.reach(at + os::kHugePage)) return;
  os::take_huge_page(reinterpret_cast<void*>(base() + at));
}

void Zone::give_units(Span*& home, Span* const* units, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    void* const start = reinterpret_cast<void*>(address_of(*units[i]));
    unpoison(start, unit_size());
    // What is free is zero, whoever had it: a named heap does not erase its blocks.
    if (guard_ != 0 && !os::purge(start, unit_size())) {
      std::memset(start, 0, unit_size() - guard_);
    }
  }
  const Hold hold(lock_);
  for (unsigned i = 0; i < count; ++i) {
    dirty_.insert(static_cast<std::uint32_t>(units[i] - spans_));
    if (guard_ != 0) continue;
    units[i]->home = &home;
    link(home, *units[i]);
  }
}

}  // namespace strata::alloc
