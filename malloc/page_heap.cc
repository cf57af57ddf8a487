#include "malloc/page_heap.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "malloc/decay.h"
#include "malloc/os.h"

namespace strata::alloc {
namespace {

// Above it, pages that are asked for again cost less than writing zeros to those that were used.
constexpr std::size_t kMostCleared = std::size_t{4} << 20;
// In pages.
constexpr std::size_t kLongRun = 1024;

constexpr std::size_t up_to_page(std::size_t bytes) {
  return (bytes + os::kPage - 1) / os::kPage * os::kPage;
}

}  // namespace

std::size_t PageHeap::beside(std::size_t bytes) {
  const std::size_t pages = bytes / os::kPage;
  return up_to_page(pages * sizeof(Entry)) + up_to_page(pages / 8 + 8);
}

void PageHeap::place(std::uintptr_t base, std::size_t bytes, std::uintptr_t beside) {
  pages_ = static_cast<Page>(std::min<std::size_t>(bytes / os::kPage, ~Page{0}));
  data_.place(base, bytes);
  entries_memory_.place(beside, up_to_page(pages_ * sizeof(Entry)));
  beside = entries_memory_.end();
  dirty_memory_.place(beside, up_to_page(pages_ / 8 + 8));
  entries_ = reinterpret_cast<Entry*>(entries_memory_.start());
  dirty_ = reinterpret_cast<std::uint64_t*>(dirty_memory_.start());
}

void* PageHeap::address_of(Page page) const {
  return reinterpret_cast<void*>(data_.start() + std::uintptr_t{page} * os::kPage);
}

std::size_t PageHeap::length_for(std::size_t bytes) const {
  const std::size_t pages = (bytes + os::kPage - 1) / os::kPage;
  if (is_hardened_) return pages;  // a guard stands right behind what was asked for
  // Shifts and masks: two divisions took a third of a run's malloc().
  const unsigned parts = pages < kLongRun ? 3 : 6;
  const std::size_t step = std::max<std::size_t>(std::bit_floor(pages) >> parts, 1);
  return (pages + step - 1) & ~(step - 1);
}

void PageHeap::use(Page first, Page pages, Use how) {
  set_use(first + pages - 1, Use::kNone);
  set(first, pages, how);
}

/// Has a free run of so many pages at the end.
bool PageHeap::extend(Page pages) {
  Page first = frontier_;
  if (frontier_ > 1 && use_of(frontier_ - 1) == Use::kFree) {
    first -= pages_of(frontier_ - 1);
  }
  const std::uint64_t end = std::uint64_t{first} + pages;
  if (end > pages_) return false;
  if (!entries_memory_.reach(end * sizeof(Entry)) || !dirty_memory_.reach((end / 64 + 1) * 8) ||
      !data_.reach(end * os::kPage)) {
    return false;
  }
  const Page from = frontier_;
  frontier_ = static_cast<Page>(end);
  join_and_put(from, frontier_ - from);
  return true;
}

PageHeap::Page PageHeap::take_run(Page pages, Page alignment, bool& dirty) {
  const Page spare = alignment > 1 ? alignment - 1 : 0;
  Page first = find(pages + spare);
  if (first == kNone) {
    if (!extend(pages + spare)) return kNone;
    // Joined with what was free before it.
    first = frontier_ - pages_of(frontier_ - 1);
  }
  const Page found = pages_of(first);
  remove_free(first);
  const std::uintptr_t at = data_.start() / os::kPage + first;
  const Page before = static_cast<Page>((alignment - at % alignment) % alignment);
  dirty = mark_clean(first + before, pages);
  unneeded_.fell_to(dirty_pages_);
  if (before > 0) put_free(first, before);
  if (const Page behind = found - before - pages; behind > 0) {
    put_free(first + before + pages, behind);
  }
  return first + before;
}

void* PageHeap::take(std::size_t bytes, std::size_t alignment, Contents contents) {
  const std::size_t pages = length_for(bytes);
  const std::size_t aligned = std::max<std::size_t>(alignment / os::kPage, 1);
  if (pages == 0 || pages + aligned >= pages_) return nullptr;
  if (is_hardened_) {
    return take_guarded(static_cast<Page>(pages), static_cast<Page>(aligned));
  }
  bool dirty = true;
  Page first = kNone;
  void* const hot = aligned == 1 ? take_hot(static_cast<Page>(pages)) : nullptr;
  if (hot == nullptr) {
    const Hold hold(lock_);
    first = take_run(static_cast<Page>(pages), static_cast<Page>(aligned), dirty);
    if (first == kNone) return nullptr;
    use(first, static_cast<Page>(pages), Use::kLive);
  }
  void* const block = hot != nullptr ? hot : address_of(first);
  if (!dirty) trade(pages * os::kPage, For::kRuns);
  if (dirty && contents == Contents::kZero) {
    const std::size_t size = pages * os::kPage;
    if (size < kMostCleared || !os::purge(block, size)) std::memset(block, 0, size);
  }
  return block;
}

/// The first page of a live block; kNone where none begins there.
PageHeap::Page PageHeap::live_at(const void* block) const {
  const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(block) - data_.start();
  if (offset % os::kPage != 0 || offset / os::kPage >= frontier_) return kNone;
  const auto page = static_cast<Page>(offset / os::kPage);
  const Use use = use_of(page);
  return use == Use::kLive || use == Use::kMoved ? page : kNone;
}

PageHeap::Live PageHeap::live(const void* block) const {
  const Page first = live_at(block);
  if (first == kNone) return {0, 0};
  return {std::size_t{pages_of(first)} * os::kPage,
          entries_[first].owner.load(std::memory_order_relaxed)};
}

/// A run at hand that is long enough and little longer; null where there is none.
void* PageHeap::take_hot(Page pages) {
  const Page run = hot_.take(bin_of(pages));
  if (run == kNone) return nullptr;
  if (pages_of(run) < pages || pages_of(run) - pages > pages / 8) {
    const Hold hold(lock_);
    put_back(run);
    return nullptr;
  }
  set_use(run, Use::kLive);
  return address_of(run);
}

/// False where it is not the plain live run that it was.
bool PageHeap::give_hot(Page first) {
  if (use_of(first) != Use::kLive) return false;
  set_use(first, Use::kHot);
  if (const Page before = hot_.put(bin_of(pages_of(first)), first); before != kNone) {
    const Hold hold(lock_);
    put_back(before);
  }
  return true;
}

/// Has no run at hand any more.
void PageHeap::cool() {
  hot_.take_all([this](Page run) { put_back(run); });
}

void PageHeap::put_back(Page first) {
  const Page pages = pages_of(first);
  set_use(first, Use::kNone);
  mark_dirty(first, pages);
  join_and_put(first, pages);
}

bool PageHeap::give(void* block) {
  const Page first = live_at(block);
  if (first == kNone) return false;
  if (is_hardened_) return give_guarded(first);
  if (give_hot(first)) return true;
  const Hold hold(lock_);
  if (use_of(first) != Use::kMoved) return false;
  --moved_;
  const Page pages = pages_of(first);
  set_use(first, Use::kNone);
  // Else its mapping would stay one of its own.
  if (!os::renew(block, std::size_t{pages} * os::kPage)) mark_dirty(first, pages);
  join_and_put(first, pages);
  return true;
}

/// What was behind a run's end when it had so many pages.
void PageHeap::give_rest(Page first, Page before) {
  const Page pages = pages_of(first), rest = first + pages, more = before - pages;
  const bool is_renewed =
      use_of(first) == Use::kMoved && os::renew(address_of(rest), std::size_t{more} * os::kPage);
  if (!is_renewed) mark_dirty(rest, more);
  join_and_put(rest, more);
}

bool PageHeap::grow_in_place(Page first, Page pages) {
  const Page before = pages_of(first);
  const Page more = pages - before, behind = first + before;
  if (behind == frontier_ ||
      (use_of(behind) == Use::kFree && behind + pages_of(behind) == frontier_)) {
    const Page have = behind == frontier_ ? 0 : pages_of(behind);
    if (have < more && !extend(more)) return false;
  }
  if (behind >= frontier_ || use_of(behind) != Use::kFree || pages_of(behind) < more) {
    return false;
  }
  const Page found = pages_of(behind);
  remove_free(behind);
  mark_clean(behind, more);
  unneeded_.fell_to(dirty_pages_);
  if (found > more) put_free(behind + more, found - more);
  use(first, pages, use_of(first));
  return true;
}

void* PageHeap::move(Page first, Page pages) {
  const std::size_t bytes = std::size_t{pages_of(first)} * os::kPage;
  if (bytes < kLeastMoved || moved_ >= kMostMoved) return nullptr;
  bool dirty = false;
  const Page to = take_run(pages, 1, dirty);
  if (to == kNone) return nullptr;
  if (!os::move_pages(address_of(first), bytes, address_of(to))) {
    // The kernel may have unmapped the place before it refused. What cannot be mapped again stays
    // out of use.
    if (os::renew(address_of(to), std::size_t{pages} * os::kPage)) join_and_put(to, pages);
    return nullptr;
  }
  use(to, pages, Use::kMoved);
  if (use_of(first) == Use::kMoved) {
    os::renew(address_of(first), bytes);
  } else {
    ++moved_;
  }
  const Page before = pages_of(first);
  set_use(first, Use::kNone);
  join_and_put(first, before);
  return address_of(to);
}

void* PageHeap::resize(void* block, std::size_t bytes) {
  const std::size_t wanted = length_for(bytes);
  if (wanted == 0 || wanted >= pages_) return nullptr;
  const Hold hold(lock_);
  const Page first = live_at(block);
  if (first == kNone) return nullptr;
  const auto pages = static_cast<Page>(wanted);
  const Page before = pages_of(first);
  if (pages == before) return block;
  if (is_hardened_) return resize_guarded(first, pages);
  if (pages < before) {
    use(first, pages, use_of(first));
    give_rest(first, before);
    return block;
  }
  if (grow_in_place(first, pages)) return block;
  return move(first, pages);
}

void PageHeap::put_owned(Page& list, void* block, std::uint16_t owner) {
  const Page first = live_at(block);
  Entry& entry = entries_[first];
  entry.next = list;
  entry.previous = kNone;
  if (list != kNone) entries_[list].previous = first;
  list = first;
  entry.owner.store(owner, std::memory_order_relaxed);
}

void PageHeap::take_owned(Page& list, void* block) {
  const Page first = live_at(block);
  Entry& entry = entries_[first];
  entry.owner.store(0, std::memory_order_relaxed);
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
  (entry.previous != kNone ? entries_[entry.previous].next : list) = entry.next;
}

}  // namespace strata::alloc
