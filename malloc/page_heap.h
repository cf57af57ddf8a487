// malloc/page_heap.h - blocks of more than 32 KiB: runs of pages, best fit, neighbours joined.
//
//     [ live       ][ free   ][ live ][ free                ]   frontier
//       ^first       ^first ^last                                an entry for each page; those of
//                                                                first and last pages are filled
//
// A few runs of about each length that were freed last are at hand (hot_runs.h), and taken without
// a lock. Other free runs stand in bins by their length, those with dirty pages apart: these are
// used first. A run of pages that is to grow takes what is free behind it, or its pages are moved,
// not copied.
//
// Threads any number at once.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "abi/malloc_layout.h"
#include "malloc/growing.h"
#include "malloc/hot_runs.h"
#include "malloc/lock.h"
#include "malloc/low_water.h"

namespace strata::alloc {

struct Census;

class PageHeap {
 public:
  constexpr PageHeap() = default;
  /// What it needs beside `bytes` of runs.
  static std::size_t beside(std::size_t bytes);
  void place(std::uintptr_t base, std::size_t bytes, std::uintptr_t beside);

  /// Before it gives its first run: behind each is a guard from now on, of a random length; what is
  /// freed cannot be touched, and waits before it is used again (page_heap_harden.cc).
  void harden() { is_hardened_ = true; }

  bool contains(const void* address) const {
    const auto at = reinterpret_cast<std::uintptr_t>(address);
    return at >= data_.start() && at < data_.end();
  }
  std::uintptr_t end() const { return data_.end(); }
  /// The live block that begins there: its length, and the number of the heap that it is of, 0
  /// where it is of none. A length of 0 where none begins.
  struct Live {
    std::size_t bytes;
    std::uint16_t owner;
  };
  Live live(const void* block) const;
  std::size_t size_of(const void* block) const { return live(block).bytes; }
  std::uint16_t owner_of(const void* block) const { return live(block).owner; }

  /// Of a run for so many bytes, in pages: one of eight to a doubling, so that runs which are freed
  /// fit those that are asked for, and begin where pages were used before; of long ones one of 64,
  /// for the rest of one that is not used again is memory too.
  std::size_t length_for(std::size_t bytes) const;

  enum class Contents { kAny, kZero };
  /// A block of at least `bytes`, at a multiple of `alignment`, a power of two; null where there is
  /// no memory.
  void* take(std::size_t bytes, std::size_t alignment, Contents contents);
  /// False where no live block begins there.
  bool give(void* block);
  /// The block, made as long as `bytes`, where it is or elsewhere; null where only copying does it.
  void* resize(void* block, std::size_t bytes);

  /// A named heap's live blocks stand in a list of its own, whose lock is held; it begins at a
  /// page.
  using Page = std::uint32_t;
  void put_owned(Page& list, void* block, std::uint16_t owner);
  void take_owned(Page& list, void* block);
  void* first_owned(Page list) const { return list == kNone ? nullptr : address_of(list); }

  /// Ends a period: what was not needed for some of them (low_water.h) is owed to the kernel; its
  /// bytes, which purge_some() gives. No run is at hand any more.
  std::size_t end_period();
  /// Gives back so many bytes or a little more, as far as they are dirty; how many it was.
  std::size_t purge_some(std::size_t bytes);
  /// Gives all back that is free, and of address space what is behind the last live run.
  [[gnu::cold]] void retreat();
  /// Of free runs, but those at hand.
  std::size_t dirty_bytes() const { return std::size_t{dirty_pages_} * os::kPage; }
  std::size_t hot_bytes() const;
  /// False where no run was ever at hand.
  bool has_hot() const { return hot_.were_put(); }

  void count(Census& census);
  void describe(abi::MallocLayout& into) const;

  Lock& lock() { return lock_; }

 private:
  using Use = abi::RunUse;
  struct Entry {
    std::atomic<Page> pages;
    Page next, previous;               // of the bin, where it is free; of its owner's list
    std::atomic<Use> use;              // of a run's first page; kFree of its last one too
    std::atomic<std::uint16_t> owner;  // of a live run's first page; else 0
  };
  static_assert(sizeof(Entry) == 16);
  static constexpr Page kNone = 0;  // page 0 is never used
  static constexpr unsigned kBins = HotRuns::kBins;
  struct Bins {
    std::array<Page, kBins> first{};
    std::array<std::uint64_t, kBins / 64> filled{};
  };

  /// One length each up to 63 pages, then eight to a doubling.
  static unsigned bin_of(Page pages) {
    if (pages < 64) return pages;
    const auto log = static_cast<unsigned>(std::bit_width(pages) - 1);
    return std::min(kBins - 1, 64 + (log - 6) * 8 + (pages >> (log - 3) & 7));
  }
  Use use_of(Page page) const { return entries_[page].use.load(std::memory_order_relaxed); }
  Page pages_of(Page run) const { return entries_[run].pages.load(std::memory_order_relaxed); }
  void set_use(Page page, Use how) { entries_[page].use.store(how, std::memory_order_relaxed); }
  void set(Page page, Page pages, Use how) {
    entries_[page].pages.store(pages, std::memory_order_relaxed);
    set_use(page, how);
  }
  void* take_guarded(Page pages, Page alignment);
  Page take_run_guarded(Page pages, Page alignment);
  void guard_behind(Page first, Page pages, Page guard);
  bool give_guarded(Page first);
  void take_back(Page first);
  void keep_back(Page first, Page pages);
  void give_kept();
  void* resize_guarded(Page first, Page pages);
  void* take_hot(Page pages);
  bool give_hot(Page first);
  void cool();
  void put_back(Page first);
  Page find(Page pages);
  Page find_in(const Bins& bins, Page pages) const;
  bool extend(Page pages);
  void put_free(Page first, Page pages);
  void remove_free(Page first);
  void join_and_put(Page first, Page pages);
  void use(Page first, Page pages, Use use);
  bool mark_clean(Page first, Page pages);
  void mark_dirty(Page first, Page pages);
  bool has_dirty(Page first, Page pages) const;
  Page take_run(Page pages, Page alignment, bool& dirty);
  Page live_at(const void* block) const;
  void give_rest(Page first, Page before);
  bool grow_in_place(Page first, Page pages);
  void* move(Page first, Page pages);
  std::size_t purge(Page pages);
  Page purge_run(Page first, Page most);
  void* address_of(Page page) const;

  // From so much on moving pages costs less than copying what is on them.
  static constexpr std::size_t kLeastMoved = std::size_t{128} << 10;
  // Each run that was moved is up to two mappings more, of 65530.
  static constexpr std::uint32_t kMostMoved = 4096;
  /// Where hardened, so many runs wait before they are used again; which one goes on is chance.
  static constexpr unsigned kKept = 32;

  HotRuns hot_;
  Lock lock_;
  // Guarded; a live run's entry is its owner's, and the frontier may be read:
  Growing data_, entries_memory_, dirty_memory_;
  Entry* entries_ = nullptr;
  std::uint64_t* dirty_ = nullptr;
  Bins dirty_bins_, clean_bins_;
  std::atomic<Page> frontier_{1};
  Page pages_ = 0;
  std::atomic<Page> dirty_pages_{0};
  LowWater unneeded_;
  std::uint32_t moved_ = 0;  // live runs that were moved
  bool is_hardened_ = false;
  Page kept_[kKept] = {};
};

}  // namespace strata::alloc
