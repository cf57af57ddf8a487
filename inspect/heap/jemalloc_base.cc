#include "inspect/heap/jemalloc_base.h"

#include <map>
#include <optional>

namespace strata::jemalloc {
namespace {

// A block is as large as what it was made for, at most a few times a leaf of the page map.
constexpr unsigned kStepsDown = 32;
constexpr std::size_t kBlockLimit = 65536;

struct Header {
  std::uint64_t size;
  std::uint64_t next;
  std::uint64_t record_bits;
  std::uint64_t unused;
  std::uint64_t unused_bytes;
};

struct Block {
  Range range;
  Address next;
};

std::optional<Block> block_at(Peek& peek, const AnonymousMemory& memory, Address at) {
  const auto header = peek.value<Header>(at);
  if (!header || header->size == 0 || header->size % kBlockStep.value != 0) return std::nullopt;
  const Range range = range_of(at, Bytes{header->size});
  if (!memory.covers(range) || header->next % kBlockStep.value != 0) return std::nullopt;
  if (header->unused <= at.value || header->unused > range.end.value) return std::nullopt;
  if (range.end.value - header->unused != header->unused_bytes) return std::nullopt;
  return Block{range, Address{header->next}};
}

}  // namespace

std::vector<Range> find_base_blocks(Peek& peek, const AnonymousMemory& memory,
                                    const std::set<Address>& inside) {
  std::map<Address, Range> found;
  const auto covered = [&](Address at) {
    const auto next = found.upper_bound(at);
    return next != found.begin() && std::prev(next)->second.contains(at);
  };
  for (const Address start : inside) {
    if (covered(start)) continue;
    Address at = start;
    for (unsigned step = 0; step < kStepsDown; ++step, at = at - kBlockStep) {
      const auto first = block_at(peek, memory, at);
      if (!first || !first->range.contains(start)) continue;
      for (auto block = first; block && found.size() < kBlockLimit;) {
        if (!found.emplace(block->range.start, block->range).second) break;
        if (block->next.value == 0) break;
        block = block_at(peek, memory, block->next);
      }
      break;
    }
  }
  std::vector<Range> blocks;
  blocks.reserve(found.size());
  for (const auto& [start, range] : found) blocks.push_back(range);
  return blocks;
}

}  // namespace strata::jemalloc
