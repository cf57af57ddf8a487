#include "malloc/quarantine.h"

#include <algorithm>

#include "malloc/space.h"

namespace strata::alloc {
namespace {

// A slot for each 256 bytes: blocks are smaller in the mean, and the ring is a 32nd of what it
// holds.
constexpr std::size_t kBytesASlot = 256;
constexpr std::size_t kFewestSlots = 64, kMostSlots = std::size_t{1} << 22;

}  // namespace

Quarantine* Quarantine::make(std::size_t most_bytes) {
  if (most_bytes == 0) return nullptr;
  const std::size_t slots = std::clamp(most_bytes / kBytesASlot, kFewestSlots, kMostSlots);
  void* const memory = space.take_metadata(sizeof(Quarantine) + slots * sizeof(void*));
  if (memory == nullptr) return nullptr;
  auto* const made = static_cast<Quarantine*>(memory);
  made->most_bytes_ = most_bytes;
  made->slots_ = slots;
  return made;
}

void Quarantine::put(void* block, std::size_t bytes) {
  ring_[(first_ + count_) % slots_] = block;
  ++count_;
  bytes_ += bytes;
}

void Quarantine::drop_oldest(std::size_t bytes) {
  first_ = (first_ + 1) % slots_;
  --count_;
  bytes_ -= bytes;
}

}  // namespace strata::alloc
