#include "inspect/object/strata_blocks.h"

#include <algorithm>
#include <utility>

namespace strata {
namespace {

using strata_malloc::BlockState;
using strata_malloc::Part;
using strata_malloc::Player;
using strata_malloc::RunKind;
using strata_malloc::Table;
using strata_malloc::UnitKind;

constexpr std::uint16_t kSystemCall = 0x050f;

/// Whose code asks the kernel for what the program's calls are about: at such a call nothing of the
/// program's is in vector registers.
bool is_c_library(const Module& module) {
  return module.name.starts_with("libc.so") || module.name.starts_with("libc-2.");
}

std::vector<pid_t> find_waiting(const Space& space, const PresentMemory& memory) {
  std::vector<pid_t> waiting;
  for (const Thread& thread : space.threads) {
    if (!thread.instruction_pointer) continue;
    const Module* const module = space.find_module(*thread.instruction_pointer);
    if (module == nullptr || !is_c_library(*module)) continue;
    if (memory.value<std::uint16_t>(*thread.instruction_pointer - 2_B) == kSystemCall) {
      waiting.push_back(thread.tid);
    }
  }
  return waiting;
}

}  // namespace

StrataBlocks::StrataBlocks(const Space& space, const PresentMemory& memory, Table table,
                           std::vector<std::string> doubts)
    : memory_(memory),
      contents_(std::move(table)),
      waiting_(find_waiting(space, memory)),
      doubts_(std::move(doubts)) {
  strata_malloc::HeapScan scan(memory, strata_malloc::read_limit(space), contents_);
  scan.read({});
  states_read_ = scan.bytes_read();
}

BlockGround StrataBlocks::ground() const {
  BlockGround ground;
  for (std::size_t i = 0; i < contents_.table.zones.size(); ++i) {
    const strata_malloc::Zone& zone = contents_.table.zones[i];
    if (contents_.units[i] == 0) continue;
    ground.shared.push_back({zone.blocks.start, zone.address_of(contents_.units[i])});
  }
  Player player(contents_);
  for (Part part; player.next(part);) {
    if (part.kind != Part::Kind::kRun || part.run != RunKind::kLive) continue;
    ground.apart.push_back(part.range);
    ground.apart_users.push_back(part.range.start);
  }
  return ground;
}

bool StrataBlocks::has_live(const Player& player, const Part& part) const {
  if (part.kind != Part::Kind::kSpan) return false;
  bool has = false;
  player.each_stretch(part, [&](std::uint64_t, std::uint64_t, BlockState state) {
    has |= state == BlockState::kLive;
  });
  return has;
}

Bytes StrataBlocks::read(BlockMap&, References& references) {
  std::vector<Range> ranges;
  Player player(contents_);
  for (Part part; player.next(part);) {
    if (!has_live(player, part)) continue;
    // A short gap costs less than a piece of its own.
    const bool is_near = !ranges.empty() && ranges.back().end <= part.range.start &&
                         part.range.start - ranges.back().end < ReadAhead::kPiece &&
                         contents_.table.zones[part.zone].blocks.contains(ranges.back().start);
    if (is_near) {
      ranges.back().end = part.range.end;
    } else {
      ranges.push_back(part.range);
    }
  }
  ReferenceBatches batches;
  const Bytes bytes = read_pieces(
      memory_, std::move(ranges),
      [&](const Piece& piece, std::size_t slot) { scan_piece(references, piece, batches[slot]); },
      [&](const Piece&, std::size_t slot) { references.add(batches[slot]); });
  return bytes + states_read_;
}

void StrataBlocks::settle(BlockMap& map) {
  Player player(contents_);
  for (Part part; player.next(part);) {
    if (part.zone == contents_.table.zones.size()) break;  // runs
    map.add(part.range.start, BlockMap::Use::kNotLive);
    if (part.kind != Part::Kind::kSpan) continue;
    player.each_stretch(part, [&](std::uint64_t first, std::uint64_t end, BlockState state) {
      const Range blocks = part.range_of_blocks(first, end);
      if (state != BlockState::kLive) return map.add(blocks.start, BlockMap::Use::kNotLive);
      for (Address at = blocks.start; at < blocks.end; at = at + part.block) {
        map.add(at, BlockMap::Use::kLive);
      }
    });
    const Address end = part.range_of_blocks(0, part.blocks).end;
    if (end < part.range.end) map.add(end, BlockMap::Use::kNotLive);
  }
}

std::vector<Range> StrataBlocks::own() const {
  const Table& table = contents_.table;
  std::vector<Range> own{table.all, range_of(table.at, Bytes{table.layout.bytes})};
  if (!table.own.empty()) own.push_back(table.own);
  return own;
}

std::vector<Range> StrataBlocks::lost() const {
  std::vector<Range> lost;
  Player player(contents_);
  for (Part part; player.next(part);) {
    if (part.kind == Part::Kind::kLost) lost.push_back(part.range);
  }
  return lost;
}

std::vector<std::string> StrataBlocks::notes() const {
  std::vector<std::string> notes = strata_malloc::notes_on(contents_, memory_.stands());
  notes.insert(notes.begin(), doubts_.begin(), doubts_.end());
  return notes;
}

}  // namespace strata
