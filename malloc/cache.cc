#include "malloc/cache.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "malloc/arena.h"
#include "malloc/background.h"
#include "malloc/block.h"
#include "malloc/decay.h"
#include "malloc/options.h"
#include "malloc/thread.h"

namespace strata::alloc {

thread_local constinit Cache cache{};

namespace {

// A refill of a class that is hardly used takes so much.
constexpr std::size_t kFirstRefill = 1024;
// An array that is new has room for so many bytes of blocks; full, it grows fourfold, to so many;
// and beyond that out of what a thread may hold besides.
constexpr std::size_t kFirstHeld = std::size_t{16} << 10;
constexpr std::size_t kMostHeld = std::size_t{64} << 10;
constexpr std::size_t kMostBesides = std::size_t{1} << 20;
constexpr std::size_t kMostSlots = 1024, kFewestSlots = 16, kSlotsBesides = 4096;
// Where harden is on, one of some is taken from the first on.
constexpr std::size_t kHardenedSlots = 64;
// Of blocks a thread freed so much more than it took anew that it may be worth giving back.
constexpr std::size_t kMuch = std::size_t{8} << 20;

std::size_t most_slots(unsigned size_class) {
  return std::clamp(kMostHeld / size_of_class(size_class), kFewestSlots, kMostSlots);
}

/// How many there may ever be, in steps of twice as many: what an array beyond most_slots() has
/// room for. It takes pages as it fills.
std::size_t room_for_slots(unsigned size_class) {
  const std::size_t most = most_slots(size_class);
  std::size_t room = most;
  for (std::size_t more = std::min(room * 2, kSlotsBesides);
       more > room && (more - most) * size_of_class(size_class) <= kMostBesides;
       more = std::min(room * 2, kSlotsBesides)) {
    room = more;
  }
  return room;
}

}  // namespace

bool Cache::begin() {
  if (!space.has_begun() && !space.begin()) return false;
  Arena* const arena = Arena::attach();
  if (arena == nullptr) return false;
  arena_ = arena;
  for (unsigned c = 1; c < kClasses; ++c) bins_[c].top = bins_[c].slots = arena->slots[c];
  bound_all();
  note_thread();
  return true;
}

/// Where every pop or push is to be seen, no slot lies within the bounds.
Cache::Bounds Cache::bounds() const {
  return {.sees_pops = space.is_hardened || mean_ != 0,
          .sees_pushes = space.is_hardened || option(Option::kCheckSizes) != 0};
}

void Cache::bound(unsigned size_class, Bounds bounds) {
  Bin& bin = bins_[size_class];
  bin.low = bounds.sees_pops ? reinterpret_cast<void**>(UINTPTR_MAX) : bin.slots;
  const std::size_t capacity = arena_ == nullptr ? 0 : arena_->capacity[size_class];
  bin.high = bounds.sees_pushes ? nullptr : bin.slots + capacity;
}

void Cache::bound_all() {
  const Bounds all = bounds();
  for (unsigned c = 1; c < kClasses; ++c) bound(c, all);
}

/// How many slots a class gets next; as many as it has where there may be no more.
std::size_t Cache::next_capacity(unsigned size_class) {
  const std::size_t before = arena_->capacity[size_class], most = most_slots(size_class);
  const std::size_t size = size_of_class(size_class);
  if (before == 0 && space.is_hardened) return std::min(kHardenedSlots, most);
  if (before == 0) return std::min(std::clamp<std::size_t>(kFirstHeld / size, 4, 32), most);
  if (before < most) return std::min(before * 4, most);
  const std::size_t more = std::min(before * 2, room_for_slots(size_class));
  const std::size_t besides = (more - std::min(more, before)) * size;
  if (more <= before || arena_->held_besides + besides > kMostBesides) return before;
  arena_->held_besides += besides;
  return more;
}

/// More slots for a class; false where there are as many as there may be.
bool Cache::widen(unsigned size_class) {
  const std::size_t before = arena_->capacity[size_class], slots = next_capacity(size_class);
  if (slots == before) return false;
  const std::size_t most = most_slots(size_class);
  if (before < most) {
    void** const memory = arena_->take_slots(slots < most ? slots : room_for_slots(size_class));
    if (memory == nullptr) return false;
    Bin& bin = bins_[size_class];
    const std::ptrdiff_t held = bin.top - bin.slots;
    if (held > 0) std::memcpy(memory, bin.slots, static_cast<std::size_t>(held) * sizeof(void*));
    if (bin.slots != nullptr) arena_->leave_slots(bin.slots, before);
    arena_->slots[size_class] = memory;
    bin.slots = memory;
    bin.top = memory + held;
  }
  arena_->capacity[size_class] = static_cast<std::uint16_t>(slots);
  bound(size_class, bounds());
  return true;
}

/// How many blocks a refill takes: twice as many each time, but no more than a part of all so far.
std::uint32_t Cache::wanted(unsigned size_class) {
  const std::size_t size = size_of_class(size_class);
  const std::size_t first = std::max<std::size_t>(kFirstRefill / size, 1);
  std::size_t want = wanted_[size_class] == 0 ? first : wanted_[size_class] * std::size_t{2};
  if (want * 2 > arena_->capacity[size_class]) widen(size_class);
  if (space.is_hardened) return std::max<std::uint32_t>(arena_->capacity[size_class] / 2, 1);
  want = std::min(want, std::max<std::size_t>(arena_->capacity[size_class] / 2, 1));
  wanted_[size_class] = static_cast<std::uint16_t>(want);
  want = std::min(want, std::max<std::size_t>(first, refilled_[size_class] / 8));
  refilled_[size_class] += static_cast<std::uint32_t>(want);
  return static_cast<std::uint32_t>(want);
}

/// Blocks from the arena, above those that are there; false where there are none.
bool Cache::fill(unsigned size_class) {
  if (arena_->capacity[size_class] == 0 && !widen(size_class)) return false;
  const std::uint32_t want = wanted(size_class);
  Bin& bin = bins_[size_class];
  std::uint32_t got = arena_->take(size_class, bin.top + want, want);
  if (got == 0) {
    empty();
    retreat();
    got = arena_->take(size_class, bin.top + want, want);
  }
  if (got < want) std::memmove(bin.top, bin.top + want - got, got * sizeof(void*));
  bin.top += got;
  const std::size_t bytes = got * size_of_class(size_class);
  given_ = given_ > bytes ? given_ - bytes : 0;
  return got > 0;
}

/// Where all blocks are counted, each comes here: so this is short.
template <unsigned kGranuleShift>
void* Cache::pop_slowly(unsigned size_class, std::size_t asked) {
  static_assert(offsetof(Cache, bins_) == 0, "own_bin.h");
  Bin& bin = cache.bins_[size_class];
  void** const top = bin.top;
  if (top == bin.slots || space.is_hardened) [[unlikely]]
    return cache.refill(size_class, asked);
  cache.left_ -= static_cast<std::int64_t>(size_of_class(size_class));
  if (cache.left_ < 0) [[unlikely]]
    return cache.take_top(size_class, asked);
  void* const block = top[-1];
  bin.top = top - 1;
  unpoison(block, size_of_class(size_class));
  const Zone& zone = kGranuleShift == 4 ? space.small : space.medium;
  zone.state_of<kGranuleShift>(block).store(static_cast<std::uint8_t>(size_class),
                                            std::memory_order_relaxed);
  return block;
}
template void* Cache::pop_slowly<4>(unsigned, std::size_t);
template void* Cache::pop_slowly<8>(unsigned, std::size_t);

void* Cache::refill(unsigned size_class, std::size_t asked) {
  const Bin& bin = bins_[size_class];
  const bool has_begun = arena_ != nullptr || begin();
  // To begin may have allocated.
  if (!has_begun || (!space.is_hardened && bin.top == bin.slots && !fill(size_class))) {
    errno = ENOMEM;
    return nullptr;
  }
  if (mean_ != samples.wanted()) follow_sampling();
  if (mean_ != 0) left_ -= static_cast<std::int64_t>(size_of_class(size_class));
  return take_top(size_class, asked);
}

/// The block at the top, or where harden is on any; sampled where a point fell on it.
void* Cache::take_top(unsigned size_class, std::size_t asked) {
  void* block;
  if (space.is_hardened) {
    block = take_any(size_class);
    if (block == nullptr) return nullptr;
  } else {
    block = *--bins_[size_class].top;
    unpoison(block, size_of_class(size_class));
  }
  State& state = space.zone(size_class).state_of(block);
  state.store(static_cast<std::uint8_t>(size_class), std::memory_order_relaxed);
  if (mean_ != 0 && left_ < 0 && sample(block, size_of_class(size_class), asked)) {
    state.store(static_cast<std::uint8_t>(size_class | kMarked), std::memory_order_relaxed);
  }
  return block;
}

/// Points have no memory: what of the block lies behind the first one does not matter.
bool Cache::sample(void* block, std::size_t bytes, std::size_t asked) {
  const int before = errno;
  const std::uint64_t mean = mean_;
  left_ = samples.next_gap(mean);
  const bool is_noted = samples.add(block, bytes, asked, mean);
  if (mean != samples.wanted()) follow_sampling();
  errno = before;
  return is_noted;
}

void Cache::follow_sampling() {
  const std::uint64_t wanted = samples.wanted();
  mean_ = wanted != 0 && space.has_begun() && samples.begin() ? wanted : 0;
  if (mean_ != 0) left_ = samples.next_gap(mean_);
  bound_all();
}

void Cache::overflow(void* block, unsigned size_class) {
  if (size_class == 0) die_of("free", block);
  if (space.is_hardened) return cache.keep_back(block, size_class);
  State& state = space.zone(size_class).state_of(block);
  state.store(static_cast<std::uint8_t>(size_class | kInCache), std::memory_order_relaxed);
  if (cache.arena_ == nullptr && !cache.begin()) return Arena::give(size_class, &block, 1);
  poison(block, size_of_class(size_class));
  cache.hold(block, size_class);
}

/// Puts a block that is marked as cached into its slots.
void Cache::hold(void* block, unsigned size_class) {
  Bin& bin = bins_[size_class];
  if (bin.top == bin.slots + arena_->capacity[size_class] && !widen(size_class)) {
    const std::size_t held = static_cast<std::size_t>(bin.top - bin.slots);
    if (held == 0) return Arena::give(size_class, &block, 1);
    // The oldest, which are least likely to be near the processor.
    const std::size_t given = (held + 1) / 2;
    Arena::give(size_class, bin.slots, static_cast<std::uint32_t>(given));
    std::memmove(bin.slots, bin.slots + given, (held - given) * sizeof(void*));
    bin.top -= given;
    note_given(given * size_of_class(size_class));
  }
  *bin.top++ = block;
}

void Cache::note_given(std::size_t bytes) {
  arena_->count_operation();
  decay_if_due();
  given_ += bytes;
  if (given_ < kMuch) return;
  given_ = 0;
  start_background();
}

void Cache::empty() {
  if (space.is_hardened) empty_quarantine();
  for (unsigned c = 1; c < kClasses; ++c) {
    Bin& bin = bins_[c];
    if (bin.top == bin.slots) continue;
    Arena::give(c, bin.slots, static_cast<std::uint32_t>(bin.top - bin.slots));
    bin.top = bin.slots;
  }
}

void Cache::end() {
  if (arena_ == nullptr) return;
  empty();
  for (Bin& bin : bins_) bin = {};
  Arena* const arena = arena_;
  arena_ = nullptr;
  arena->detach();
}

}  // namespace strata::alloc
