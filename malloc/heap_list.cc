// The records of named heaps: made in chunks, each twice as long as the one before, found by their
// numbers, and used again, the one that was destroyed first before others.
#include <errno.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "malloc/background.h"
#include "malloc/decay.h"
#include "malloc/heap.h"
#include "malloc/report.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

constexpr unsigned kFirstChunk = 16, kChunks = 12;
constexpr unsigned kMostHeaps = kFirstChunk * ((1U << kChunks) - 1);
static_assert(kMostHeaps < (1U << 16), "numbers are of 16 bits");
constexpr std::size_t kMuch = std::size_t{8} << 20;

constinit Lock list_lock;
// Guarded:
constinit Heap* chunks[kChunks] = {};
constinit std::uint32_t made = 0;
constinit Heap* first_free = nullptr;
constinit Heap* last_free = nullptr;

constexpr unsigned chunk_of(unsigned number) {
  return static_cast<unsigned>(std::bit_width(number / kFirstChunk + 1)) - 1;
}
constexpr unsigned first_of(unsigned chunk) { return kFirstChunk * ((1U << chunk) - 1); }
static_assert(chunk_of(15) == 0 && chunk_of(16) == 1 && chunk_of(47) == 1 && chunk_of(48) == 2 &&
              chunk_of(kMostHeaps - 1) == kChunks - 1);

/// As much of a name as there is room for, in whole characters of UTF-8.
std::size_t length_of(const char* name, std::size_t most) {
  if (const void* const end = std::memchr(name, 0, most + 1)) {
    return static_cast<std::size_t>(static_cast<const char*>(end) - name);
  }
  std::size_t length = most;
  while (length > 0 && (name[length] & 0xc0) == 0x80) --length;
  return length;
}

}  // namespace

constinit std::atomic<Heap*> Heap::newest_{nullptr};

/// Numbers count from 1.
Heap* Heap::numbered(std::uint16_t number) {
  const unsigned index = number - 1U, chunk = chunk_of(index);
  return chunks[chunk] + (index - first_of(chunk));
}

Heap* Heap::take_record() {
  if (Heap* const heap = first_free) {
    first_free = heap->next_free_;
    if (first_free == nullptr) last_free = nullptr;
    return heap;
  }
  if (made == kMostHeaps) return nullptr;
  const unsigned chunk = chunk_of(made);
  if (made == first_of(chunk)) {
    const std::size_t bytes = sizeof(Heap) * (std::size_t{kFirstChunk} << chunk);
    void* const memory = space.take_metadata(bytes + alignof(Heap));
    if (memory == nullptr) return nullptr;
    const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(memory) + alignof(Heap) - 1;
    chunks[chunk] = reinterpret_cast<Heap*>(at / alignof(Heap) * alignof(Heap));
  }
  const auto number = static_cast<std::uint16_t>(++made);
  Heap* const heap = numbered(number);
  heap->number_ = number;
  heap->generation_.store(1, std::memory_order_relaxed);
  heap->next_ = newest_.load(std::memory_order_relaxed);
  heap->arena_.join(*heap);
  newest_.store(heap, std::memory_order_release);
  return heap;
}

Heap* Heap::create(const char* name, std::size_t limit, Objects objects) {
  if (name == nullptr || *name == 0 || !std::has_single_bit(objects.alignment) ||
      objects.size > PTRDIFF_MAX) {
    errno = EINVAL;
    return nullptr;
  }
  Heap* heap = nullptr;
  if (space.has_begun() || space.begin()) {
    const Hold hold(list_lock);
    heap = take_record();
  }
  if (heap == nullptr) {
    errno = ENOMEM;
    return nullptr;
  }
  const Inside inside(heap->lock_, heap->lock_.visit());
  const unsigned size_class =
      objects.size == 0 ? 0 : aligned_class_of(objects.size, objects.alignment);
  heap->object_class_ = static_cast<std::uint8_t>(size_class);
  heap->most_ = objects.size == 0 ? kNoLimit : objects.size;
  heap->least_ = size_class == 0 ? objects.size : size_of_class(size_class);
  heap->alignment_ = objects.alignment;
  heap->peak_ = heap->refused_ = 0;
  heap->limit_ = limit;
  const std::size_t length = length_of(name, kNameBytes - 1);
  std::memcpy(heap->name_, name, length);
  std::memset(heap->name_ + length, 0, kNameBytes - length);
  return heap;
}

void Heap::destroy() {
  std::size_t released = 0;
  {
    const Inside inside(lock_);
    released = release_all();
    const std::uintptr_t generation = generation_.load(std::memory_order_relaxed);
    generation_.store(static_cast<std::uint8_t>(generation % kGenerations + 1),
                      std::memory_order_relaxed);
    // Who asks for a block at this moment gets none.
    limit_ = 0;
    std::memset(name_, 0, kNameBytes);
  }
  {
    const Hold hold(list_lock);
    next_free_ = nullptr;
    (last_free == nullptr ? first_free : last_free->next_free_) = this;
    last_free = this;
  }
  decay_if_due();
  if (released >= kMuch) start_background();
}

void* Heap::handle() const {
  return reinterpret_cast<void*>(reinterpret_cast<std::uintptr_t>(this) +
                                 generation_.load(std::memory_order_relaxed));
}

Heap& Heap::at(const void* handle, const char* caller) {
  static_assert(alignof(Heap) > kGenerations);
  const auto bits = reinterpret_cast<std::uintptr_t>(handle);
  const std::uintptr_t generation = bits % alignof(Heap);
  auto* const heap = reinterpret_cast<Heap*>(bits - generation);
  if (generation == 0 || !space.has_metadata(heap) ||
      heap->generation_.load(std::memory_order_relaxed) != generation) [[unlikely]] {
    die(caller, handle, "no such heap: it was destroyed, or never was one");
  }
  return *heap;
}

void Heap::claim_locks() {
  list_lock.claim();
  Heap* const first = newest_.load(std::memory_order_acquire);
  bool had_favourites = false;
  for (Heap* heap = first; heap != nullptr; heap = heap->next_) {
    had_favourites = heap->lock_.claim() || had_favourites;
  }
  if (!had_favourites) return;
  BiasedLock::pass_barrier();
  for (Heap* heap = first; heap != nullptr; heap = heap->next_) heap->lock_.await();
}

void Heap::leave_locks() {
  for (Heap* heap = newest_.load(std::memory_order_acquire); heap != nullptr; heap = heap->next_) {
    heap->lock_.leave_claimed();
  }
  list_lock.leave();
}

void Heap::leave_locks_in_child(std::uint32_t self) {
  for (Heap* heap = newest_.load(std::memory_order_acquire); heap != nullptr; heap = heap->next_) {
    heap->lock_.leave_in_child(self);
  }
  list_lock.leave_in_child(self);
  BiasedLock::forget();
}

}  // namespace strata::alloc
