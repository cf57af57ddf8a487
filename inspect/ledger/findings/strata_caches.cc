// What threads' caches of the Strata malloc hold: freed or taken ahead, and nobody else's to use.
// Source  malloc/cache.h, malloc/cache.cc (64 KiB of each class, and 1 MiB a thread besides; a
//         thread's end empties its cache, malloc_trim does not).
#include <fmt/format.h>

#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"
#include "inspect/ledger/findings/heap_shares.h"
#include "inspect/ledger/strata_figures.h"

namespace strata {
namespace {

// Every cache holds something, or it would be none.
constexpr Bytes kLeastCached = 1_MiB;

/// The threads that have arenas; empty where the library does not say.
std::vector<pid_t> threads_of(const strata_malloc::Table& table) {
  std::vector<pid_t> threads;
  for (const strata_malloc::ArenaUse& use : table.uses) {
    if (!use.is_idle && use.thread > 0) threads.push_back(use.thread);
  }
  std::sort(threads.begin(), threads.end());
  return threads;
}

}  // namespace

std::optional<Finding> check_strata_caches(const Explanation& e) {
  if (e.strata_malloc == nullptr) return std::nullopt;
  const StrataFigures heap = strata_figures(e);
  const Bytes cached = heap.small.cached_resident + heap.medium.cached_resident;
  if (cached < kLeastCached || !is_worth_a_line(cached, e)) return std::nullopt;
  const std::vector<pid_t> threads = threads_of(e.strata_malloc->table);
  Finding finding;
  finding.bytes = cached;
  finding.text = fmt::format(
      "Free, and in threads' caches of the Strata malloc's: {} that only the thread itself can be "
      "given; malloc_trim does not empty them.",
      counted(heap.cached.blocks, "block"));
  if (!threads.empty()) {
    finding.text += fmt::format(" {} a cache: {}.",
                                threads.size() == 1 ? std::string("1 thread has")
                                                    : counted(threads.size(), "thread") + " have",
                                listed_threads(e, threads));
  }
  finding.action =
      "Let idle threads end: that empties their caches. Or free blocks where they were "
      "allocated: a thread that frees others' blocks fills its cache with what it never asks for.";
  finding.saves = fmt::format(
      "At most {}: blocks that leave a cache are free for all threads, and only whole pages of "
      "them can be given back.",
      humanised(cached));
  return finding;
}

}  // namespace strata
