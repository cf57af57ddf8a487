// What a zone gives back to the kernel.
#include <algorithm>

#include "malloc/os.h"
#include "malloc/zone.h"

namespace strata::alloc {

std::size_t Zone::end_period() {
  const Hold hold(lock_);
  return std::size_t{unneeded_.end_period(dirty_.size())} << shape_.unit_shift;
}

std::size_t Zone::purge_some(std::size_t bytes) {
  if (bytes == 0 || dirty_.size() == 0) return 0;
  const Hold hold(lock_);
  const std::size_t units = (bytes + unit_size() - 1) >> shape_.unit_shift;
  return purge(static_cast<std::uint32_t>(std::min<std::size_t>(units, dirty_.size())));
}

/// From the highest address down, as many neighbours at a time as there are.
std::size_t Zone::purge(std::uint32_t units) {
  std::uint32_t left = units;
  while (left > 0) {
    const std::uint32_t last = dirty_.highest();
    if (last == UnitSet::kNone) break;
    std::uint32_t first = last;
    while (first > 0 && last - first + 1 < left && dirty_.contains(first - 1)) --first;
    if (!os::purge(reinterpret_cast<void*>(base() + (std::uintptr_t{first} << shape_.unit_shift)),
                   std::size_t{last - first + 1} << shape_.unit_shift)) {
      break;
    }
    for (std::uint32_t unit = first; unit <= last; ++unit) {
      dirty_.erase(unit);
      leave_home(spans_[unit]);
      clean_.insert(unit);
    }
    left -= last - first + 1;
    purge_states(first, last + 1);
  }
  unneeded_.gave(units - left);
  return std::size_t{units - left} << shape_.unit_shift;
}

void Zone::retreat() {
  const Hold hold(lock_);
  purge(dirty_.size());
  while (frontier_ > 0 && clean_.contains(frontier_ - 1)) {
    clean_.erase(--frontier_);
  }
  granules_.store(std::size_t{frontier_} * states_of_unit(), std::memory_order_relaxed);
  data_.retreat(std::size_t{frontier_} << shape_.unit_shift);
  states_memory_.retreat(std::size_t{frontier_} * states_of_unit());
}

bool Zone::is_unused(std::uint32_t unit) const {
  return unit >= frontier_ || clean_.contains(unit);
}

/// Pages of states, all 0, that are only of units that nobody uses.
void Zone::purge_states(std::uint32_t from, std::uint32_t end) {
  const auto units_a_page = static_cast<std::uint32_t>(os::kPage / states_of_unit());
  std::uint32_t first = from / units_a_page * units_a_page;
  std::uint32_t last = (end + units_a_page - 1) / units_a_page * units_a_page;
  const auto all_unused = [&](std::uint32_t page) {
    for (std::uint32_t unit = page; unit < page + units_a_page; ++unit) {
      if (!is_unused(unit)) return false;
    }
    return true;
  };
  if (first < last && !all_unused(first)) first += units_a_page;
  if (first < last && !all_unused(last - units_a_page)) last -= units_a_page;
  if (first >= last) return;
  os::purge(states_ + std::size_t{first} * states_of_unit(),
            std::size_t{last - first} * states_of_unit());
}

}  // namespace strata::alloc
