// malloc/page_heap_free.cc - free runs of pages: the bins in which they stand, which of their pages
// have memory still, and how that is given back.
#include <algorithm>
#include <bit>

#include "malloc/os.h"
#include "malloc/page_heap.h"

namespace strata::alloc {
namespace {

// Looked at in a bin of several lengths before the next one is.
constexpr int kMostLooked = 16;

/// Calls `act` with each word of a bitmap that has bits of a range, and these bits.
template <class Act>
void each_word(std::uint64_t* words, std::uint32_t first, std::uint32_t count, Act&& act) {
  while (count > 0) {
    const std::uint32_t offset = first % 64;
    const std::uint32_t here = std::min(count, 64 - offset);
    if (!act(words[first / 64], (~std::uint64_t{0} >> (64 - here)) << offset)) return;
    first += here;
    count -= here;
  }
}

}  // namespace

PageHeap::Page PageHeap::find_in(const Bins& bins, Page pages) const {
  unsigned bin = bin_of(pages);
  // Runs of its own bin may be shorter.
  int looked = 0;
  for (Page run = bins.first[bin]; run != kNone && looked < kMostLooked; ++looked) {
    if (pages_of(run) >= pages) return run;
    run = entries_[run].next;
  }
  ++bin;
  for (unsigned word = bin / 64; word < bins.filled.size(); ++word) {
    std::uint64_t filled = bins.filled[word];
    if (word == bin / 64) filled &= ~std::uint64_t{0} << (bin % 64);
    if (filled != 0) return bins.first[word * 64 + static_cast<unsigned>(std::countr_zero(filled))];
  }
  return kNone;
}

PageHeap::Page PageHeap::find(Page pages) {
  if (const Page dirty = find_in(dirty_bins_, pages)) return dirty;
  // What is at hand may join with others to what fits.
  cool();
  const Page dirty = find_in(dirty_bins_, pages);
  return dirty != kNone ? dirty : find_in(clean_bins_, pages);
}

void PageHeap::put_free(Page first, Page pages) {
  Bins& bins = has_dirty(first, pages) ? dirty_bins_ : clean_bins_;
  const unsigned bin = bin_of(pages);
  const Page next = bins.first[bin];
  set(first + pages - 1, pages, Use::kFree);
  set(first, pages, Use::kFree);
  entries_[first].next = next;
  entries_[first].previous = kNone;
  if (next != kNone) entries_[next].previous = first;
  bins.first[bin] = first;
  bins.filled[bin / 64] |= std::uint64_t{1} << (bin % 64);
}

void PageHeap::remove_free(Page first) {
  const Entry& entry = entries_[first];
  const unsigned bin = bin_of(entry.pages);
  if (entry.next != kNone) entries_[entry.next].previous = entry.previous;
  if (entry.previous != kNone) {
    entries_[entry.previous].next = entry.next;
  } else {
    Bins& bins = dirty_bins_.first[bin] == first ? dirty_bins_ : clean_bins_;
    bins.first[bin] = entry.next;
    if (entry.next == kNone) bins.filled[bin / 64] &= ~(std::uint64_t{1} << (bin % 64));
  }
  set_use(first + entry.pages - 1, Use::kNone);
  set_use(first, Use::kNone);
}

void PageHeap::join_and_put(Page first, Page pages) {
  if (const Page behind = first + pages; behind < frontier_ && use_of(behind) == Use::kFree) {
    const Page more = pages_of(behind);
    remove_free(behind);
    pages += more;
  }
  if (first > 1 && use_of(first - 1) == Use::kFree) {
    const Page more = pages_of(first - 1);
    remove_free(first - more);
    first -= more;
    pages += more;
  }
  put_free(first, pages);
}

/// Whether any was dirty.
bool PageHeap::mark_clean(Page first, Page pages) {
  Page were = 0;
  each_word(dirty_, first, pages, [&](std::uint64_t& word, std::uint64_t bits) {
    were += static_cast<Page>(std::popcount(word & bits));
    word &= ~bits;
    return true;
  });
  dirty_pages_ -= were;
  return were > 0;
}

void PageHeap::mark_dirty(Page first, Page pages) {
  each_word(dirty_, first, pages, [](std::uint64_t& word, std::uint64_t bits) {
    word |= bits;
    return true;
  });
  dirty_pages_ += pages;
}

bool PageHeap::has_dirty(Page first, Page pages) const {
  bool has = false;
  each_word(dirty_, first, pages, [&](std::uint64_t word, std::uint64_t bits) {
    has = (word & bits) != 0;
    return !has;
  });
  return has;
}

/// Gives back up to `most` dirty pages of a free run, from its end on; how many.
PageHeap::Page PageHeap::purge_run(Page first, Page most) {
  const Page pages = pages_of(first);
  Page given = 0;
  for (Page end = first + pages; end > first && given < most;) {
    const auto is_dirty = [&](Page page) { return (dirty_[page / 64] >> (page % 64) & 1) != 0; };
    if (!is_dirty(end - 1)) {
      --end;
      continue;
    }
    Page from = end - 1;
    while (from > first && end - from < most - given && is_dirty(from - 1)) --from;
    if (!os::purge(address_of(from), std::size_t{end - from} * os::kPage)) return given;
    mark_clean(from, end - from);
    given += end - from;
    end = from;
  }
  return given;
}

/// From the longest runs on.
std::size_t PageHeap::purge(Page pages) {
  Page given = 0;
  for (unsigned bin = kBins; bin-- > 0 && given < pages;) {
    while (dirty_bins_.first[bin] != kNone && given < pages) {
      const Page run = dirty_bins_.first[bin];
      const Page length = pages_of(run);
      remove_free(run);
      set(run, length, Use::kNone);
      const Page more = purge_run(run, pages - given);
      put_free(run, length);
      given += more;
      if (more == 0) pages = given;  // the kernel refuses
    }
  }
  unneeded_.gave(given);
  return std::size_t{given} * os::kPage;
}

std::size_t PageHeap::end_period() {
  const Hold hold(lock_);
  cool();
  return std::size_t{unneeded_.end_period(dirty_pages_)} * os::kPage;
}

std::size_t PageHeap::purge_some(std::size_t bytes) {
  if (bytes == 0 || dirty_bytes() + hot_bytes() == 0) return 0;
  const Hold hold(lock_);
  cool();
  const std::size_t pages = (bytes + os::kPage - 1) / os::kPage;
  return purge(static_cast<Page>(std::min<std::size_t>(pages, dirty_pages_)));
}

void PageHeap::retreat() {
  const Hold hold(lock_);
  if (pages_ == 0) return;
  give_kept();
  cool();
  purge(dirty_pages_);
  if (frontier_ > 1 && use_of(frontier_ - 1) == Use::kFree) {
    const Page pages = pages_of(frontier_ - 1);
    remove_free(frontier_ - pages);
    frontier_ -= pages;
  }
  data_.retreat(std::size_t{frontier_} * os::kPage);
}

std::size_t PageHeap::hot_bytes() const {
  std::size_t pages = 0;
  hot_.each([&](Page run) { pages += pages_of(run); });
  return pages * os::kPage;
}

}  // namespace strata::alloc
