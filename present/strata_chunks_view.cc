#include "present/strata_chunks_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/printable.h"
#include "inspect/heap/strata/player.h"
#include "present/block_list.h"
#include "present/numerals.h"
#include "present/strata_heap_view.h"

namespace strata {
namespace {

using strata_malloc::BlockState;
using strata_malloc::Contents;
using strata_malloc::NamedHeap;
using strata_malloc::Part;
using strata_malloc::Player;
using strata_malloc::RunKind;
using strata_malloc::Tally;
using strata_malloc::UnitKind;

constexpr std::string_view kLive = "live", kCached = "thread cache", kFree = "free",
                           kUncut = "never cut", kEnd = "span end", kUnit = "free unit",
                           kRun = "free run", kGuard = "guard", kGivenBack = "given back",
                           kLost = "not walked";

// In the order of the columns.
enum : std::size_t { kAddress, kBytes, kState, kClass, kArena, kHeap, kColumns };

/// Blocks of a span one by one, what was never cut as a whole; units and runs likewise.
class Rows {
 public:
  Rows(std::shared_ptr<const Contents> contents, const StrataChunksView& how)
      : contents_(std::move(contents)), how_(how), player_(*contents_) {}

  bool next(std::vector<Cell>& row) {
    while (!is_open_) {
      if (!player_.next(part_)) return false;
      if (how_.arena && !is_of(*how_.arena)) continue;
      if (part_.kind != Part::Kind::kSpan) {
        put(row, part_.range, name_of_whole());
        row[kClass] = row[kArena] = Cell{};
        put_heap(row);
        return true;
      }
      is_open_ = true;
      block_ = 0;
    }
    put_block(row);
    row[kClass] = std::uint64_t{part_.unit.size_class};
    const auto arena = part_.unit.arena();
    row[kArena] = arena ? Cell{std::uint64_t{*arena}} : Cell{};
    put_heap(row);
    return true;
  }

 private:
  bool is_of(std::size_t arena) const {
    return part_.kind == Part::Kind::kSpan && part_.unit.arena() == arena;
  }
  void put_heap(std::vector<Cell>& row) const {
    if (!part_.heap) {
      row[kHeap] = Cell{};
      return;
    }
    set_text(row[kHeap], contents_->table.named.heaps[*part_.heap].name);
  }

  /// Of the open span; closes it behind its last one.
  void put_block(std::vector<Cell>& row) {
    if (block_ == part_.blocks) {
      is_open_ = false;
      return put(row, {part_.range_of_blocks(0, block_).end, part_.range.end}, kEnd);
    }
    const BlockState state = player_.state_of(part_, block_);
    std::uint64_t end = block_ + 1;
    while (state == BlockState::kUncut && end < part_.blocks &&
           player_.state_of(part_, end) == state) {
      ++end;
    }
    put(row, part_.range_of_blocks(block_, end), name_of(state));
    block_ = end;
    const bool has_end = part_.range_of_blocks(0, part_.blocks).end < part_.range.end;
    if (block_ == part_.blocks && !has_end) is_open_ = false;
  }

  static void put(std::vector<Cell>& row, Range range, std::string_view state) {
    row[kAddress] = range.start;
    row[kBytes] = range.size().value;
    set_text(row[kState], state);
  }

  static std::string_view name_of(BlockState state) {
    switch (state) {
      case BlockState::kLive:
        return kLive;
      case BlockState::kCached:
        return kCached;
      case BlockState::kFree:
        return kFree;
      case BlockState::kUncut:
        break;
    }
    return kUncut;
  }
  std::string_view name_of_whole() const {
    if (part_.kind == Part::Kind::kFreeUnit) {
      return part_.unit.kind == UnitKind::kClean ? kGivenBack : kUnit;
    }
    if (part_.kind == Part::Kind::kLost) return kLost;
    switch (part_.run) {
      case RunKind::kLive:
        return kLive;
      case RunKind::kDirty:
        return kRun;
      case RunKind::kGuard:
        return kGuard;
      case RunKind::kClean:
      case RunKind::kLost:
        break;
    }
    return kGivenBack;
  }

  std::shared_ptr<const Contents> contents_;
  StrataChunksView how_;
  Player player_;
  Part part_;
  bool is_open_ = false;  // part_ is a span of which blocks are to come
  std::uint64_t block_ = 0;
};

/// The longest name, as it is shown.
std::string longest_name(const std::vector<NamedHeap>& heaps) {
  std::string longest = "-";
  for (const NamedHeap& heap : heaps) {
    if (printable(heap.name).size() > printable(longest).size()) longest = heap.name;
  }
  return longest;
}

Stream list(const Explanation& e, const StrataChunksView& how) {
  const Contents& contents = *e.strata_malloc;
  const strata_malloc::Table& table = contents.table;
  // No part is longer than a zone's, a run's as all of them.
  Bytes longest = table.runs.page * contents.pages;
  for (std::size_t i = 0; i < table.zones.size(); ++i) {
    longest = std::max(longest, table.zones[i].unit() * contents.units[i]);
  }
  Stream stream;
  stream.columns = {{"address", "ADDRESS"}, {"bytes", "BYTES"},
                    {"state", "STATE"},     {"class", ""},
                    {"arena", "ARENA"},     {"heap", table.named.heaps.empty() ? "" : "HEAP"}};
  stream.widest = {table.all.end,
                   longest.value,
                   std::string(kCached),
                   std::uint64_t{table.class_sizes.size()},
                   std::uint64_t{contents.tally.arenas.size()},
                   longest_name(table.named.heaps)};
  stream.next = [rows = std::make_shared<Rows>(e.strata_malloc, how)](std::vector<Cell>& row) {
    return rows->next(row);
  };
  return stream;
}

std::string summary(const Explanation& e, const StrataChunksView& how) {
  const Tally& tally = e.strata_malloc->tally;
  std::uint64_t live = 0, free = 0;
  const auto add = [&](const strata_malloc::ByState& states) {
    live += of_state(states, BlockState::kLive).blocks;
    free +=
        of_state(states, BlockState::kFree).blocks + of_state(states, BlockState::kCached).blocks;
  };
  std::string where;
  if (how.arena) {
    const std::vector<Address>& arenas = e.strata_malloc->table.arenas;
    const auto found =
        *how.arena < arenas.size() ? tally.arenas.find(arenas[*how.arena]) : tally.arenas.end();
    if (found != tally.arenas.end()) add(found->second.states);
    where = fmt::format(" of arena {}", *how.arena);
  } else {
    add(tally.blocks());
    live += tally.live_runs.blocks + tally.moved_runs.blocks;
  }
  return fmt::format(
      "{} ({}): {} live and {} free blocks{}, by address, with what lies between them",
      printable(e.identity.name), e.identity.pid, grouped(live), grouped(free), where);
}

}  // namespace

Document view(const Explanation& explanation, const StrataChunksView& how) {
  return with_block_list(view(explanation, StrataHeapView{how.arena}), summary(explanation, how),
                         {"chunks", "", list(explanation, how), ""});
}

}  // namespace strata
