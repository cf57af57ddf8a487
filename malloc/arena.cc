#include "malloc/arena.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "malloc/find_states.h"
#include "malloc/os.h"
#include "malloc/random.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

// Arenas looked at before a new span is begun, each time others.
constexpr int kMostLooked = 4;
// Without an operation a thread rests: more than it waits for a processor as a rule.
constexpr std::uint64_t kRest = 20;  // ms

/// Units of a kind that an arena keeps for itself: 256 KiB of them. Where harden is on, any unit
/// that is free may be the next.
unsigned most_spare(unsigned size_class) {
  if (space.is_hardened) return 0;
  return is_small(size_class) ? 16 : 2;
}

constinit Lock arenas_lock;
constinit Arena* idle_arenas = nullptr;  // guarded by it
constinit std::atomic<std::uint32_t> idle_count{0};

}  // namespace

constinit std::atomic<Arena*> Arena::first_{nullptr};

Lock& Arena::list_lock() { return arenas_lock; }

Arena* Arena::attach() {
  const Hold hold(arenas_lock);
  // The one that was left last: a thread that ends often has a successor for what it had allocated.
  if (Arena* const arena = idle_arenas) {
    idle_arenas = arena->next_idle_;
    idle_count.fetch_sub(1, std::memory_order_relaxed);
    arena->is_idle_.store(false, std::memory_order_relaxed);
    return arena->of_this_thread();
  }
  auto* const arena = static_cast<Arena*>(space.take_metadata(sizeof(Arena)));
  if (arena == nullptr) return nullptr;
  arena->next_ = first();
  arena->of_this_thread();
  first_.store(arena, std::memory_order_release);
  return arena;
}

Arena* Arena::of_this_thread() {
  thread_.store(this_thread(), std::memory_order_relaxed);
  return this;
}

void Arena::detach() {
  {
    const Hold hold(lock_);
    give_all_spare();
  }
  const Hold hold(arenas_lock);
  become_idle();
}

void Arena::become_idle() {
  is_idle_.store(true, std::memory_order_relaxed);
  idle_count.fetch_add(1, std::memory_order_relaxed);
  next_idle_ = idle_arenas;
  idle_arenas = this;
}

void Arena::leave_all_but(Arena* own) {
  if (own != nullptr) own->of_this_thread();
  idle_arenas = nullptr;
  idle_count.store(0, std::memory_order_relaxed);
  for (Arena* arena = first(); arena != nullptr; arena = arena->next_) {
    if (arena == own || arena->heap_ != nullptr) continue;
    arena->become_idle();
  }
}

void Arena::join(Heap& heap) {
  const Hold hold(arenas_lock);
  heap_ = &heap;
  next_ = first();
  first_.store(this, std::memory_order_release);
}

void** Arena::take_slots(std::size_t count) {
  for (LeftSlots** at = &left_slots_; *at != nullptr; at = &(*at)->next) {
    LeftSlots* const left = *at;
    if (left->count < count || left->count >= 2 * count) continue;
    *at = left->next;
    return reinterpret_cast<void**>(left);
  }
  return static_cast<void**>(space.take_metadata(count * sizeof(void*)));
}

void Arena::leave_slots(void** left, std::size_t count) {
  static_assert(sizeof(LeftSlots) == 2 * sizeof(void*), "there are at least four slots");
  left_slots_ = new (left) LeftSlots{left_slots_, count};
}

std::uint32_t Arena::take(unsigned size_class, void** end, std::uint32_t want) {
  const Hold hold(lock_);
  count_operation();
  std::uint32_t got = 0;
  for (;;) {
    while (Span* const span = lists_[size_class]) {
      const std::uint32_t before = got;
      got += claim(*span, end - got, want - got);
      if (got < want) got += carve(*span, end - got, want - got);
      if (got == want) return got;
      // All is cut and what was free is taken: what is freed from now on puts it on a stack.
      if (before != got && span->count_of_free() != 0) continue;
      unlist(*span);
      if (heap_ != nullptr) link(full_, *span);
    }
    if (got > 0) return got;
    // A heap's spans have blocks of its own alone.
    if (drain() || (heap_ == nullptr && adopt(size_class))) continue;
    if (begin_span(size_class) == nullptr) return 0;
  }
}

/// Free blocks of a span, of those that are counted.
std::uint32_t Arena::claim(Span& span, void** end, std::uint32_t want) {
  const std::uint32_t counted = std::min(want, span.count_of_free());
  if (counted == 0) return 0;
  const unsigned size_class = span.size_class;
  const Zone& zone = space.zone(size_class);
  const std::size_t stride = zone.stride(size_class), size = size_of_class(size_class);
  const auto cached = static_cast<std::uint8_t>(size_class | kInCache);
  State* const states = zone.states_of(span);
  const std::uintptr_t address = zone.address_of(span);
  std::uint32_t got = 0;
  const auto take = [&](std::size_t granule) {
    states[granule].store(cached, std::memory_order_relaxed);
    *--end = reinterpret_cast<void*>(address + granule * (size / stride));
    if (span.purged != 0) span.purged &= ~pages_of(granule * (size / stride), size);
    return ++got < counted;
  };
  const std::size_t all = span.carved.load(std::memory_order_relaxed) * stride;
  std::size_t from = span.cursor < all ? span.cursor : 0;
  if (space.is_hardened && all > 0) from = random_below(all / stride) * stride;
  const auto free = static_cast<std::uint8_t>(size_class | kInSpan);
  std::size_t at = find_states(states, from, all, stride, free, take);
  if (got < counted) at = find_states(states, 0, from, stride, free, take);
  span.cursor = static_cast<std::uint32_t>(at);
  fetch_sub(span.free, got, std::memory_order_acq_rel);
  return got;
}

/// Blocks of a span that were never used.
std::uint32_t Arena::carve(Span& span, void** end, std::uint32_t want) {
  const unsigned size_class = span.size_class;
  const Zone& zone = space.zone(size_class);
  const std::uint32_t carved = span.carved.load(std::memory_order_relaxed);
  const std::uint32_t got = std::min(want, zone.blocks_of(size_class) - carved);
  if (got == 0) return 0;
  const std::size_t stride = zone.stride(size_class), size = size_of_class(size_class);
  if (span.purged != 0) span.purged &= ~pages_of(carved * size, got * size);
  State* state = zone.states_of(span) + carved * stride;
  std::uintptr_t block = zone.address_of(span) + carved * size;
  for (std::uint32_t i = 0; i < got; ++i, state += stride, block += size) {
    state->store(static_cast<std::uint8_t>(size_class | kInCache), std::memory_order_relaxed);
    *--end = reinterpret_cast<void*>(block);
  }
  span.carved.store(carved + got, std::memory_order_relaxed);
  return got;
}

Span* Arena::begin_span(unsigned size_class) {
  Span* const span = take_unit(size_class);
  if (span == nullptr) return nullptr;
  span->size_class = static_cast<std::uint8_t>(size_class);
  span->cursor = 0;
  span->purged = 0;
  held_ += space.zone(size_class).unit_size();
  list(*span);
  return span;
}

/// One that it has left, or of several that it takes at once.
Span* Arena::take_unit(unsigned size_class) {
  Spare& spare = spare_of(size_class);
  if (spare.count == 0) {
    Span* units[Spare::kMost];
    const unsigned most = std::max(most_spare(size_class) / 2, 1U);
    const unsigned got = space.zone(size_class).take_units(spare.home, units, most);
    for (unsigned i = got; i > 0; --i) put_spare(*units[i - 1], size_class);
    if (got == 0) return nullptr;
  }
  return spare.units[--spare.count];
}

/// To readers it is a span of this arena of which no block is cut.
void Arena::put_spare(Span& span, unsigned size_class) {
  span.size_class = static_cast<std::uint8_t>(size_class);
  span.free.store(0, std::memory_order_relaxed);
  span.carved.store(0, std::memory_order_relaxed);
  span.owner.store(this, std::memory_order_release);
  Spare& spare = spare_of(size_class);
  spare.units[spare.count++] = &span;
}

/// Leaves the oldest of them to others.
void Arena::give_spare(unsigned size_class, unsigned kept) {
  Spare& spare = spare_of(size_class);
  if (spare.count <= kept) return;
  const unsigned given = spare.count - kept;
  for (unsigned i = 0; i < given; ++i) {
    spare.units[i]->owner.store(nullptr, std::memory_order_relaxed);
  }
  space.zone(size_class).give_units(spare.home, spare.units, given);
  std::copy(spare.units + given, spare.units + spare.count, spare.units);
  spare.count = kept;
}

void Arena::give_all_spare() {
  give_spare(1, 0);
  give_spare(kClasses - 1, 0);
}

void Arena::list(Span& span) {
  span.is_listed = true;
  span.sweep = sweep_;
  link(lists_[span.size_class], span);
}

void Arena::unlist(Span& span) {
  span.is_listed = false;
  unlink(lists_[span.size_class], span);
}

/// Lists spans that have free blocks again; whether there were any of its own.
bool Arena::drain() {
  if (pending_.load(std::memory_order_relaxed) == nullptr) return false;
  bool any = false;
  for (Span* span = pending_.exchange(nullptr, std::memory_order_acquire); span != nullptr;) {
    Span* const next = span->next_pending;
    if (Arena* const owner = span->owner.load(std::memory_order_acquire); owner != this) {
      owner->push_pending(*span);
    } else {
      // From here on who frees a block may put it on the stack again.
      span->free.fetch_and(~Span::kPending, std::memory_order_acq_rel);
      if (!span->is_listed) {
        if (heap_ != nullptr) unlink(full_, *span);
        list(*span);
      }
      any = true;
      release_if_unused(*span);
    }
    span = next;
  }
  return any;
}

void Arena::push_pending(Span& span) {
  Span* top = pending_.load(std::memory_order_relaxed);
  do {
    span.next_pending = top;
  } while (!pending_.compare_exchange_weak(top, &span, std::memory_order_release,
                                           std::memory_order_relaxed));
}

/// Whether it has made no operation for long. A thread that waits for its turn on a processor has
/// not: without its spans its live blocks would lie among another's, and each of the two would
/// write to what the other one's processor has.
bool Arena::is_left(std::uint64_t now) {
  const std::uint64_t operations = this->operations();
  if (operations_looked_.load(std::memory_order_relaxed) != operations) {
    operations_looked_.store(operations, std::memory_order_relaxed);
    looked_.store(now, std::memory_order_relaxed);
    return false;
  }
  return now - looked_.load(std::memory_order_relaxed) >= kRest;
}

/// Makes a span its own that a thread which is gone, or rests, has left. To look at one that is at
/// work costs both, so this is done once in a tick of the clock, as long as nothing is found.
bool Arena::adopt(unsigned size_class) {
  if (next_ == nullptr && first() == this) return false;
  const std::uint64_t now = os::coarse_now();
  const bool is_time = now != looks_again_;
  if (!is_time && idle_count.load(std::memory_order_relaxed) == 0) return false;
  for (int i = 0; i < kMostLooked; ++i) {
    Arena* const arena = looked_at_ != nullptr ? looked_at_ : first();
    if (arena != this && arena->heap_ == nullptr &&
        (arena->is_idle_.load(std::memory_order_relaxed) || (is_time && arena->is_left(now))) &&
        adopt_from(*arena, size_class)) {
      return true;
    }
    looked_at_ = arena->next_;
  }
  looks_again_ = now;
  return false;
}

bool Arena::adopt_from(Arena& arena, unsigned size_class) {
  if (!arena.lock_.try_lock()) return false;
  arena.drain();
  Span* const span = arena.lists_[size_class];
  if (span != nullptr) {
    arena.unlist(*span);
    const std::size_t bytes = space.zone(size_class).unit_size();
    arena.held_ -= bytes;
    held_ += bytes;
    span->owner.store(this, std::memory_order_release);
    list(*span);
  }
  arena.lock_.unlock();
  return span != nullptr;
}

/// A listed span that nobody has a block of; the last of its class stays.
bool Arena::release_if_unused(Span& span) {
  return span.is_listed && span.next != &span && release_if_all_free(span);
}

bool Arena::release_if_all_free(Span& span) {
  const std::uint32_t carved = span.carved.load(std::memory_order_relaxed);
  // Pending it is not equal.
  if (span.free.load(std::memory_order_acquire) != carved) return false;
  unlist(span);
  give_back(span);
  return true;
}

/// A span that is in no list any more.
void Arena::give_back(Span& span) {
  Zone& zone = space.zone(span.size_class);
  const std::uint32_t carved = span.carved.load(std::memory_order_relaxed);
  std::memset(static_cast<void*>(zone.states_of(span)), 0, carved * zone.stride(span.size_class));
  held_ -= zone.unit_size();
  put_spare(span, span.size_class);
  const unsigned most = most_spare(span.size_class);
  if (spare_of(span.size_class).count > most) give_spare(span.size_class, most / 2);
}

std::size_t Arena::held() {
  const Hold hold(lock_);
  return held_;
}

void Arena::count_free(Span& span, std::uint32_t count) {
  std::uint32_t before = span.free.load(std::memory_order_relaxed);
  while (!compare_exchange(span.free, before, before == 0 ? count | Span::kPending : before + count,
                           std::memory_order_acq_rel)) {
  }
  if (before == 0) {
    Arena* const owner = span.owner.load(std::memory_order_acquire);
    owner->push_pending(span);
    if (!owner->lock_.try_lock()) return;
    owner->drain();
    owner->lock_.unlock();
    return;
  }
  // From here on the span may be another's, with another class.
  if (before + count < span.carved.load(std::memory_order_relaxed)) return;
  Arena* const owner = span.owner.load(std::memory_order_acquire);
  if (owner == nullptr || !owner->lock_.try_lock()) return;
  if (span.owner.load(std::memory_order_relaxed) == owner) owner->release_if_unused(span);
  owner->lock_.unlock();
}

/// What the loop needs is at hand: a store to a state may be to anything, as far as compilers know.
template <unsigned kGranuleShift>
void Arena::give_to(const Zone& zone, unsigned size_class, void* const* blocks,
                    std::uint32_t count) {
  const auto free = static_cast<std::uint8_t>(size_class | kInSpan);
  // Units lie at multiples of their size.
  const std::uintptr_t states = zone.states_of_zero(), place = ~(zone.unit_size() - 1);
  void* const* const end = blocks + count;
  while (blocks < end) {
    Span& span = zone.span_of(*blocks);
    const std::uintptr_t start = reinterpret_cast<std::uintptr_t>(*blocks) & place;
    void* const* const first = blocks;
    do {
      const auto block = reinterpret_cast<std::uintptr_t>(*blocks);
      if ((block & place) != start) break;
      reinterpret_cast<State*>(states + (block >> kGranuleShift))
          ->store(free, std::memory_order_release);
    } while (++blocks < end);
    count_free(span, static_cast<std::uint32_t>(blocks - first));
  }
}

void Arena::give(unsigned size_class, void* const* blocks, std::uint32_t count) {
  if (is_small(size_class)) return give_to<4>(space.small, size_class, blocks, count);
  give_to<8>(space.medium, size_class, blocks, count);
}

}  // namespace strata::alloc
