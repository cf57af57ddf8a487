// malloc/page_heap_harden.cc - runs of pages where harden is on.
//
//     [ live ][ guard ][ freed, waits        ][ live    ][ guard      ]
//               1 to 16 pages    fenced                    what a run lost when it shrank is guard
//               too
//
// What is freed is given to the kernel and fenced: it cannot be touched until it is used again, and
// then it is zero. So nothing here is dirty but what the kernel did not take back.
#include <cstring>

#include "malloc/decay.h"
#include "malloc/guard.h"
#include "malloc/os.h"
#include "malloc/page_heap.h"
#include "malloc/random.h"

namespace strata::alloc {
namespace {

constexpr std::size_t kMostGuard = 16;  // pages

}  // namespace

/// Guards what is behind a run that was made that long; it is its own. Remembers how in its entry.
void PageHeap::guard_behind(Page first, Page pages, Page guard) {
  const Page behind = first + pages;
  const guard::Kind kind = guard::set(address_of(behind), std::size_t{guard} * os::kPage);
  use(behind, guard, Use::kGuard);
  entries_[behind].next = static_cast<Page>(kind);
}

/// A run of pages that can be touched, and the guard behind it; kNone where there is no memory.
PageHeap::Page PageHeap::take_run_guarded(Page pages, Page alignment) {
  const Page guard = static_cast<Page>(1 + random_below(kMostGuard));
  bool dirty = false;
  const Page first = take_run(pages + guard, alignment, dirty);
  if (first == kNone) return kNone;
  void* const block = address_of(first);
  const std::size_t bytes = std::size_t{pages} * os::kPage;
  if (!guard::unfence(block, bytes)) {
    // The kernel has no memory even for that; it may have later.
    if (dirty) mark_dirty(first, pages + guard);
    join_and_put(first, pages + guard);
    return kNone;
  }
  // Pages that the kernel did not take back when they were freed.
  if (dirty) std::memset(block, 0, bytes);
  guard_behind(first, pages, guard);
  return first;
}

void* PageHeap::take_guarded(Page pages, Page alignment) {
  if (pages + alignment + kMostGuard >= pages_) return nullptr;
  const Hold hold(lock_);
  const Page first = take_run_guarded(pages, alignment);
  if (first == kNone) return nullptr;
  use(first, pages, Use::kLive);
  return address_of(first);
}

/// Makes a live run and the guard behind it pages that nobody uses, and fenced.
void PageHeap::take_back(Page first) {
  Page pages = pages_of(first);
  void* const block = address_of(first);
  if (use_of(first) == Use::kMoved) {
    --moved_;
    // Else its mapping would stay one of its own. What cannot be mapped again stays out of use.
    if (!os::renew(block, std::size_t{pages} * os::kPage)) {
      os::purge(block, std::size_t{pages} * os::kPage);
      set_use(first, Use::kGuard);
      return;
    }
  }
  const Page behind = first + pages;
  if (behind < frontier_ && use_of(behind) == Use::kGuard) {
    const Page guard = pages_of(behind);
    const auto kind = static_cast<guard::Kind>(entries_[behind].next);
    // A mark may stay: it is as good as a fence.
    if (kind != guard::Kind::kMapping ||
        guard::clear(address_of(behind), std::size_t{guard} * os::kPage, kind)) {
      set_use(behind, Use::kNone);
      pages += guard;
    }
  }
  set_use(first, Use::kNone);
  if (guard::fence(block, std::size_t{pages} * os::kPage)) return keep_back(first, pages);
  mark_dirty(first, pages);
  join_and_put(first, pages);
}

/// Has a run that was taken back wait, and another one wait no more.
void PageHeap::keep_back(Page first, Page pages) {
  use(first, pages, Use::kGuard);
  Page& kept = kept_[random_below(kKept)];
  const Page before = kept;
  kept = first;
  if (before == kNone) return;
  const Page length = pages_of(before);
  set_use(before, Use::kNone);
  join_and_put(before, length);
}

void PageHeap::give_kept() {
  for (Page& kept : kept_) {
    const Page first = kept;
    if (first == kNone) continue;
    kept = kNone;
    const Page pages = pages_of(first);
    set_use(first, Use::kNone);
    join_and_put(first, pages);
  }
}

bool PageHeap::give_guarded(Page first) {
  const Hold hold(lock_);
  if (live_at(address_of(first)) == kNone) return false;
  take_back(first);
  return true;
}

/// Of a live run that is to have another length.
void* PageHeap::resize_guarded(Page first, Page pages) {
  const Page before = pages_of(first);
  if (pages < before) {
    // What is left joins the guard, and is free when the run is.
    const Page rest = first + pages;
    const Page behind = first + before;
    Page guard = 0;
    auto kind = guard::Kind::kNone;
    if (behind < frontier_ && use_of(behind) == Use::kGuard) {
      guard = pages_of(behind);
      kind = static_cast<guard::Kind>(entries_[behind].next);
    }
    if (!guard::fence(address_of(rest), std::size_t{before - pages} * os::kPage)) return nullptr;
    if (guard > 0) set_use(behind, Use::kNone);
    use(first, pages, use_of(first));
    use(rest, before - pages + guard, Use::kGuard);
    entries_[rest].next = static_cast<Page>(kind);
    return address_of(first);
  }
  if (std::size_t{before} * os::kPage < kLeastMoved || moved_ >= kMostMoved) return nullptr;
  const Page to = take_run_guarded(pages, 1);
  if (to == kNone) return nullptr;
  use(to, pages, Use::kMoved);
  ++moved_;
  const bool is_moved =
      os::move_pages(address_of(first), std::size_t{before} * os::kPage, address_of(to));
  // Where it was not, the place may be unmapped by now; take_back() maps it again.
  take_back(is_moved ? first : to);
  return is_moved ? address_of(to) : nullptr;
}

}  // namespace strata::alloc
