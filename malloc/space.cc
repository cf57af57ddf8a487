#include "malloc/space.h"

#include <algorithm>
#include <bit>

#include "malloc/options.h"
#include "malloc/os.h"
#include "malloc/samples.h"
#include "malloc/thread.h"

namespace strata::alloc {

constinit Space space;

namespace {

constexpr std::size_t kGiB = std::size_t{1} << 30;

}  // namespace

bool Space::begin() {
  const Hold hold(begin_lock_);
  if (has_begun()) return true;
  read_options();
  if (const std::size_t mean = option(Option::kSample); mean != 0) samples.want(mean);
  os::learn_page();
  const os::Room room = os::find_room();
  // Twice what the machine has, for each kind of block: what is not used costs nothing.
  const std::size_t blocks =
      std::clamp(std::bit_ceil(os::physical_memory() * 2), 4 * kGiB, room.blocks);
  const std::size_t small_beside = small.beside(blocks), medium_beside = medium.beside(blocks);
  const std::size_t pages_beside = PageHeap::beside(room.runs);
  const std::size_t beside_all = small_beside + medium_beside + pages_beside + room.metadata;
  const std::uintptr_t start = os::find_place(2 * blocks + room.runs + beside_all);
  if (start == 0) return false;
  if (option(Option::kHarden) != 0) {
    is_hardened = true;
    small.harden();
    medium.harden();
    pages.harden();
  }
  std::uintptr_t beside = start + 2 * blocks + room.runs;
  small.place(start, blocks, beside);
  beside += small_beside;
  medium.place(start + blocks, blocks, beside);
  beside += medium_beside;
  pages.place(start + 2 * blocks, room.runs, beside);
  beside += pages_beside;
  metadata_.place(beside, room.metadata - Samples::kReserved);
  samples.place(metadata_.end());
  base = start;
  describe();
  has_begun_.store(true, std::memory_order_release);
  // Not when there is a second thread: the first one may be about to fork by then, and that fork
  // would know nothing of the locks that the second one goes on to take.
  watch_forks();
  learn_thread_number();  // what was learnt before may be the parent's
  return true;
}

void* Space::take_metadata(std::size_t bytes) {
  const Hold hold(metadata_lock_);
  // No line of the cache is two threads'.
  const std::size_t size = (bytes + 63) / 64 * 64;
  if (!metadata_.reach(metadata_used_ + size)) return nullptr;
  void* const taken = reinterpret_cast<void*>(metadata_.start() + metadata_used_);
  metadata_used_ += size;
  return taken;
}

}  // namespace strata::alloc
