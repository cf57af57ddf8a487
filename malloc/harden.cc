// malloc/harden.cc - what a thread's cache does where harden is on: every malloc() and free() comes
// here, since no slot lies within a bin's bounds (cache.h).
//
//     free     the block is erased ──▶ quarantine ──▶ slots ──▶ spans
//     malloc   one of the slots at random; it must be erased still, or it was written since
//
// What is free is zero, not some pattern: so pages that the kernel takes back and gives anew need
// no thought, no block shows what was in it before, and a pointer read from a dead block is null.
#include <errno.h>

#include <cstring>
#include <utility>

#include "malloc/arena.h"
#include "malloc/cache.h"
#include "malloc/options.h"
#include "malloc/quarantine.h"
#include "malloc/random.h"
#include "malloc/report.h"

namespace strata::alloc {
namespace {

constexpr const char* kWritten = "the block was written after it was freed";

// Reads what is poisoned.
#if defined(STRATA_POISONS)
__attribute__((no_sanitize_address))
#endif
bool is_erased(const void* block, std::size_t bytes) {
  using Word [[gnu::may_alias]] = std::uint64_t;
  const auto* const words = static_cast<const Word*>(block);
  // Four at a time: sizes are multiples of 16, and of 64 where it matters.
  std::size_t i = 0;
  const std::size_t count = bytes / sizeof(Word);
  for (; i + 4 <= count; i += 4) {
    if ((words[i] | words[i + 1] | words[i + 2] | words[i + 3]) != 0) return false;
  }
  for (; i < count; ++i) {
    if (words[i] != 0) return false;
  }
  return true;
}

void check_erased(const void* block, unsigned size_class, const char* caller) {
  if (!is_erased(block, size_of_class(size_class))) die(caller, block, kWritten);
}

/// Of a block in a cache.
unsigned class_of_free(const void* block) {
  State* state;
  if (!space.small.find_state<4>(block, state)) state = &space.medium.state_of<8>(block);
  return state->load(std::memory_order_relaxed) & abi::kStateClass;
}

}  // namespace

void* Cache::take_any(unsigned size_class) {
  Bin& bin = bins_[size_class];
  // Few are no choice.
  std::size_t held = static_cast<std::size_t>(bin.top - bin.slots);
  if (held * 4 <= arena_->capacity[size_class] && !fill(size_class) && bin.top == bin.slots) {
    errno = ENOMEM;
    return nullptr;
  }
  held = static_cast<std::size_t>(bin.top - bin.slots);
  std::swap(bin.slots[random_below(held)], bin.top[-1]);
  void* const block = *--bin.top;
  check_erased(block, size_class, "malloc");
  unpoison(block, size_of_class(size_class));
  space.zone(size_class)
      .state_of(block)
      .store(static_cast<std::uint8_t>(size_class), std::memory_order_relaxed);
  return block;
}

void Cache::keep_back(void* block, unsigned size_class) {
  const std::size_t bytes = size_of_class(size_class);
  std::memset(block, 0, bytes);
  space.zone(size_class)
      .state_of(block)
      .store(static_cast<std::uint8_t>(size_class | kInCache), std::memory_order_relaxed);
  poison(block, bytes);
  if (arena_ == nullptr && !begin()) return Arena::give(size_class, &block, 1);
  if (arena_->quarantine == nullptr) {
    arena_->quarantine = Quarantine::make(option(Option::kQuarantine));
  }
  Quarantine* const kept = arena_->quarantine;
  if (kept == nullptr) return hold(block, size_class);
  while (!kept->has_room_for(bytes)) {
    void* const oldest = kept->oldest();
    if (oldest == nullptr) return hold(block, size_class);
    const unsigned of = class_of_free(oldest);
    kept->drop_oldest(size_of_class(of));
    hold(oldest, of);
  }
  kept->put(block, bytes);
}

void Cache::empty_quarantine() {
  Quarantine* const kept = arena_ != nullptr ? arena_->quarantine : nullptr;
  if (kept == nullptr) return;
  while (void* oldest = kept->oldest()) {
    const unsigned of = class_of_free(oldest);
    check_erased(oldest, of, "free");
    kept->drop_oldest(size_of_class(of));
    Arena::give(of, &oldest, 1);
  }
}

void Cache::check_free() const {
  if (arena_ == nullptr) return;
  if (arena_->quarantine != nullptr) {
    arena_->quarantine->each(
        [](const void* block) { check_erased(block, class_of_free(block), "exit"); });
  }
  for (unsigned c = 1; c < kClasses; ++c) {
    for (void** slot = bins_[c].slots; slot < bins_[c].top; ++slot) check_erased(*slot, c, "exit");
  }
}

namespace {

/// What nobody asks for again is looked at in the end: of the thread that ends the program.
[[gnu::destructor]] void check_at_exit() {
  if (space.is_hardened) cache.check_free();
}

}  // namespace

}  // namespace strata::alloc
