#include "malloc/census.h"

#include "malloc/arena.h"
#include "malloc/decay.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

void add(Count& count, std::size_t bytes) {
  ++count.blocks;
  count.bytes += bytes;
}

}  // namespace

Count Census::all_live() const {
  Count all = live_runs;
  for (const Count& of_class : live) {
    all.blocks += of_class.blocks;
    all.bytes += of_class.bytes;
  }
  return all;
}

void Zone::count(Census& census) const {
  const std::uint32_t units = frontier_;
  census.system += std::size_t{units} << shape_.unit_shift;
  census.beside += states_memory_.committed() + spans_memory_.committed();
  for (std::uint32_t unit = 0; unit < units; ++unit) {
    const Span& span = spans_[unit];
    if (span.owner.load(std::memory_order_acquire) == nullptr) continue;
    const unsigned size_class = span.size_class;
    if (size_class == 0 || size_class >= kClasses) continue;
    const std::size_t size = size_of_class(size_class), step = stride(size_class);
    const std::uint32_t carved = span.carved.load(std::memory_order_relaxed);
    const State* const states = states_of(span);
    for (std::uint32_t i = 0; i < carved; ++i) {
      const std::uint8_t state = states[i * step].load(std::memory_order_relaxed);
      if (is_live(state) || is_marked(state)) {
        add(census.live[size_class], size);
      } else if ((state & kInSpan) == kInSpan) {
        add(census.free, size);
      } else if ((state & kInCache) != 0) {
        add(census.cached, size);
      }
    }
    census.uncut += unit_size() - carved * size;
  }
}

void PageHeap::count(Census& census) {
  const Hold hold(lock_);
  census.system += std::size_t{frontier_} * os::kPage;
  census.beside += entries_memory_.committed() + dirty_memory_.committed();
  for (Page page = 1; page < frontier_;) {
    const Entry& entry = entries_[page];
    if (entry.pages == 0) break;
    const bool is_free = entry.use == Use::kFree || entry.use == Use::kHot;
    const bool is_live = entry.use == Use::kLive || entry.use == Use::kMoved;
    if (is_free || is_live)
      add(is_free ? census.free_runs : census.live_runs, std::size_t{entry.pages} * os::kPage);
    page += entry.pages;
  }
}

void take_census(Census& census) {
  census = {};
  if (!space.has_begun()) return;
  space.small.count(census);
  space.medium.count(census);
  space.pages.count(census);
  census.dirty = dirty_bytes();
  for (const Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
    ++(arena->heap() == nullptr ? census.arenas : census.heaps);
  }
}

}  // namespace strata::alloc
