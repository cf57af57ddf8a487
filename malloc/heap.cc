#include "malloc/heap.h"

#include <errno.h>

#include <algorithm>
#include <cstring>

#include "malloc/background.h"
#include "malloc/block.h"
#include "malloc/cache.h"
#include "malloc/decay.h"
#include "malloc/report.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

// A shelf has room for so many bytes of blocks, and is filled by half. A lock is held for a refill,
// and what lies on a shelf keeps its span from being given back.
constexpr std::size_t kShelfBytes = std::size_t{16} << 10;
constexpr std::size_t kMostSlots = 64, kFewestSlots = 2;
// What is worth giving back though the program should rest now (decay.cc).
constexpr std::size_t kMuch = std::size_t{8} << 20;

constexpr std::size_t slots_of(unsigned size_class) {
  return std::clamp(kShelfBytes / size_of_class(size_class), kFewestSlots, kMostSlots);
}

/// Of the run that is taken for so many.
std::size_t bytes_of_run(std::size_t bytes) { return space.pages.length_for(bytes) * os::kPage; }

[[noreturn, gnu::cold, gnu::noinline]] void die_of_owner(const char* caller, const void* block) {
  die(caller, block,
      Heap::of(block) != nullptr ? "the block is another heap's" : "the block is no heap's");
}

}  // namespace

Heap* Heap::of(const void* block) {
  if (const State* const state = space.find_state(block)) {
    const std::uint8_t is = state->load(std::memory_order_relaxed);
    if (!is_marked(is)) return nullptr;
    const Span& span = space.zone(class_of_state(is)).span_of(block);
    const Arena* const owner = span.owner.load(std::memory_order_acquire);
    return owner == nullptr ? nullptr : owner->heap();
  }
  const std::uint16_t number = space.pages.contains(block) ? space.pages.owner_of(block) : 0;
  return number == 0 ? nullptr : numbered(number);
}

void* Heap::refuse() {
  ++refused_;
  errno = ENOMEM;
  return nullptr;
}

bool Heap::fill(unsigned size_class) {
  void**& slots = arena_.slots[size_class];
  const std::size_t capacity = slots_of(size_class);
  if (slots == nullptr) {
    slots = static_cast<void**>(space.take_metadata(capacity * sizeof(void*)));
    if (slots == nullptr) return false;
    arena_.capacity[size_class] = static_cast<std::uint16_t>(capacity);
  }
  const auto want = static_cast<std::uint32_t>(capacity / 2);
  std::uint32_t got = arena_.take(size_class, slots + want, want);
  if (got == 0) {
    cache.empty();
    retreat();
    got = arena_.take(size_class, slots + want, want);
  }
  if (got < want) std::memmove(slots, slots + want - got, got * sizeof(void*));
  shelved_[size_class] = static_cast<std::uint16_t>(got);
  return got > 0;
}

void* Heap::take_block(unsigned size_class) {
  const std::size_t size = size_of_class(size_class);
  const Inside inside(lock_);
  std::uint16_t& shelved = shelved_[size_class];
  if (!has_room(size)) [[unlikely]]
    return refuse();
  if (shelved == 0 && !fill(size_class)) [[unlikely]]
    return refuse();
  void* const block = arena_.slots[size_class][--shelved];
  space.zone(size_class)
      .state_of(block)
      .store(static_cast<std::uint8_t>(size_class | kMarked), std::memory_order_relaxed);
  count_taken(size);
  return block;
}

void* Heap::take_run(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents) {
  const Inside inside(lock_);
  const std::size_t least = bytes > PTRDIFF_MAX ? SIZE_MAX : bytes_of_run(bytes);
  if (least > PTRDIFF_MAX || !has_room(least)) return refuse();
  void* block = space.pages.take(bytes, alignment, contents);
  if (block == nullptr) {
    cache.empty();
    retreat();
    block = space.pages.take(bytes, alignment, contents);
  }
  if (block == nullptr) return refuse();
  std::size_t size = space.pages.size_of(block);
  // One that was at hand may be longer by an eighth.
  if (!has_room(size)) {
    space.pages.resize(block, least);
    size = space.pages.size_of(block);
  }
  space.pages.put_owned(runs_, block, number_);
  run_bytes_ += size;
  count_taken(size);
  return block;
}

void* Heap::take(std::size_t bytes, std::size_t alignment, PageHeap::Contents contents) {
  if (bytes > most_ || (most_ != kNoLimit && alignment > alignment_)) [[unlikely]] {
    errno = EINVAL;
    return nullptr;
  }
  const std::size_t wanted = std::max(bytes, least_);
  alignment = std::max(alignment, alignment_);
  void* block = nullptr;
  if (const unsigned size_class = aligned_class_of(wanted, alignment)) {
    block = take_block(size_class);
    if (block != nullptr && contents == PageHeap::Contents::kZero) std::memset(block, 0, bytes);
    return block;
  }
  return take_run(std::max<std::size_t>(wanted, 1), alignment, contents);
}

void* Heap::take_object() {
  if (object_class_ != 0) return take_block(object_class_);
  if (most_ != kNoLimit) return take_run(least_, alignment_, PageHeap::Contents::kAny);
  errno = EINVAL;
  return nullptr;
}

/// Its size, where it is a live block of this heap.
std::size_t Heap::size_here(const void* block, const char* caller) const {
  const std::size_t size = usable_size(block, caller);
  if (of(block) != this) die_of_owner(caller, block);
  return size;
}

/// A block that is free from now on; the shelf has room for it afterwards at least.
void Heap::shelve(void* block, unsigned size_class) {
  std::uint16_t& shelved = shelved_[size_class];
  void** const slots = arena_.slots[size_class];
  if (shelved == arena_.capacity[size_class]) {
    // The oldest, which are least likely to be near the processor.
    const auto given = static_cast<std::uint16_t>((shelved + 1) / 2);
    arena_.count_operation();
    Arena::give(size_class, slots, given);
    shelved = static_cast<std::uint16_t>(shelved - given);
    std::memmove(slots, slots + given, shelved * sizeof(void*));
  }
  slots[shelved++] = block;
}

void Heap::give(void* block, const char* caller) {
  State* const state = space.find_state(block);
  if (state == nullptr) return give_run(block, caller);
  bool has_given = false;
  {
    const Inside inside(lock_);
    const std::uint8_t is = state->load(std::memory_order_relaxed);
    if (!is_marked(is)) [[unlikely]] {
      if (is_live(is)) die_of_owner(caller, block);
      die_of(caller, block);
    }
    const unsigned size_class = class_of_state(is);
    if (space.zone(size_class).span_of(block).owner.load(std::memory_order_relaxed) != &arena_)
        [[unlikely]] {
      die_of_owner(caller, block);
    }
    count_given(size_of_class(size_class));
    has_given = shelved_[size_class] == arena_.capacity[size_class];
    // First, for it may be given to its span at once.
    state->store(static_cast<std::uint8_t>(size_class | kInCache), std::memory_order_relaxed);
    shelve(block, size_class);
  }
  if (has_given) [[unlikely]]
    decay_if_due();
}

void Heap::give_run(void* block, const char* caller) {
  if (block == nullptr) return;
  {
    const Inside inside(lock_);
    const std::size_t size = size_here(block, caller);
    count_given(size);
    run_bytes_ -= size;
    space.pages.take_owned(runs_, block);
    if (!space.pages.give(block)) die_of(caller, block);
  }
  decay_if_due();
}

/// Where it is or elsewhere, without copying; null where that is not possible.
void* Heap::resize_run(void* block, std::size_t bytes) {
  const Inside inside(lock_);
  const std::size_t before = space.pages.size_of(block), after = bytes_of_run(bytes);
  if (after > before && !has_room(after - before)) return nullptr;
  space.pages.take_owned(runs_, block);
  void* const resized = space.pages.resize(block, bytes);
  space.pages.put_owned(runs_, resized == nullptr ? block : resized, number_);
  if (resized == nullptr) return nullptr;
  const std::size_t size = space.pages.size_of(resized);
  run_bytes_ = run_bytes_ - before + size;
  count_given(before);
  count_taken(size);
  return resized;
}

void* Heap::resize(void* block, std::size_t bytes, const char* caller) {
  const std::size_t before = size_here(block, caller);
  if (bytes > most_ || bytes > PTRDIFF_MAX) {
    errno = bytes > PTRDIFF_MAX ? ENOMEM : EINVAL;
    return nullptr;
  }
  if (most_ != kNoLimit) return block;
  if (bytes > kMostMedium && space.pages.contains(block)) {
    if (void* const resized = resize_run(block, bytes)) return resized;
  } else if (bytes <= before && (bytes >= before / 2 || before <= 64)) {
    return block;
  }
  void* const copy = take(bytes, 1, PageHeap::Contents::kAny);
  if (copy == nullptr) return nullptr;
  std::memcpy(copy, block, std::min(before, bytes));
  give(block, caller);
  return copy;
}

/// Whatever is live in it; the bytes that it held.
std::size_t Heap::release_all() {
  std::size_t bytes = arena_.release_all();
  std::memset(shelved_, 0, sizeof shelved_);
  while (void* const run = space.pages.first_owned(runs_)) {
    bytes += space.pages.size_of(run);
    space.pages.take_owned(runs_, run);
    space.pages.give(run);
  }
  live_blocks_ = live_bytes_ = run_bytes_ = 0;
  arena_.count_operation();
  return bytes;
}

void Heap::reset() {
  std::size_t released = 0;
  {
    const Inside inside(lock_);
    released = release_all();
  }
  decay_if_due();
  if (released >= kMuch) start_background();
}

void Heap::empty_all() {
  for (unsigned c = 1; c < kClasses; ++c) {
    if (shelved_[c] > 0) Arena::give(c, arena_.slots[c], shelved_[c]);
    shelved_[c] = 0;
  }
}

void Heap::empty_shelves() {
  const Inside inside(lock_, lock_.visit());
  empty_all();
}

Heap::Figures Heap::figures() {
  const Inside inside(lock_, lock_.visit());
  return {live_blocks_, live_bytes_, arena_.held() + run_bytes_, peak_, limit_, refused_};
}

std::size_t Heap::limit() {
  const Inside inside(lock_, lock_.visit());
  return limit_;
}

void Heap::set_limit(std::size_t bytes) {
  const Inside inside(lock_, lock_.visit());
  limit_ = bytes;
}

}  // namespace strata::alloc
