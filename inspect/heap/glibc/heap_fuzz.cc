// A small heap of glibc's, any bytes of which are others: read_heap() and the walk of all blocks to
// the end. The input is a byte that says which heap, then changes of 12 bytes each.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <map>

#include "inspect/heap/glibc/heap_fake.h"

namespace strata::glibc {
namespace {

constexpr std::uint8_t kNewBuild = 1;
constexpr std::uint8_t kIsCore = 2;
constexpr std::uint8_t kWalkOnly = 4;
// Of a heap of 72 KiB. The honest one takes 60.
constexpr std::size_t kMostReads = 20'000;
constexpr std::size_t kMostClaims = 20'000;

struct Change {
  std::uint8_t kind;
  std::uint8_t amount;
  std::uint16_t where;  // of the words, as they lie one behind the other
  std::uint64_t value;
};

void require(bool holds) {
  if (!holds) std::abort();
}

/// All words of the heap's memory, one behind the other.
class Words {
 public:
  explicit Words(HeapFake& fake) {
    for (auto& [start, words] : fake.memory.parts) {
      for (std::size_t i = 0; i < words.size(); ++i) all_.push_back(start + Bytes{i * 8});
    }
  }
  Address at(std::uint64_t number) const { return all_[number % all_.size()]; }

 private:
  std::vector<Address> all_;
};

void apply(HeapFake& fake, const Words& words, const Change& change) {
  const Address at = words.at(change.where);
  std::uint64_t& word = fake.word(at);
  switch (change.kind % 8) {
    case 0:
      word = change.value;
      break;
    case 1:  // a pointer to another place
      word = words.at(change.value).value + change.amount % 16 * 16 - 32;
      break;
    case 2:  // the same, as lists of caches have it
      word = (words.at(change.value).value + change.amount % 4 * 16 - 16) ^ at.value >> 12;
      break;
    case 3:
      word ^= std::uint64_t{1} << change.amount % 64;
      break;
    case 4:
      word += static_cast<std::uint64_t>(static_cast<std::int8_t>(change.amount)) * 16;
      break;
    case 5:
      fake.memory.absent.insert(round_down(at, 4_KiB));
      break;
    case 6:  // what stands elsewhere, as overlapping copies leave it
      for (std::size_t i = 0; i <= change.amount; ++i) {
        fake.word(words.at(change.where + i)) = fake.word(words.at(change.value + i));
      }
      break;
    default:
      for (std::size_t i = 0; i <= change.amount; ++i) {
        fake.word(words.at(change.where + i)) = change.value;
      }
  }
}

/// Claims come by address, and cover the regions without a gap or twice.
std::vector<Claim> claims_of(Blocks& blocks, const Heap& heap) {
  std::vector<Range> regions;
  for (const Arena& arena : heap.arenas) {
    for (const Region& region : arena.regions) regions.push_back(region.range);
  }
  std::sort(regions.begin(), regions.end());
  std::vector<Claim> claims;
  auto region = regions.begin();
  Address at = region == regions.end() ? Address{} : region->start;
  for (Claim claim; blocks.next(claim); claims.push_back(claim)) {
    require(region != regions.end() && claims.size() < kMostClaims);
    require(claim.range.start == at && claim.range.end > at && claim.range.end <= region->end);
    at = claim.range.end;
    if (at != region->end) continue;
    require(++region == regions.end() || region->start >= at);
    if (region != regions.end()) at = region->start;
  }
  require(region == regions.end());
  return claims;
}

/// What was recorded covers the regions' chunks, and is what was counted.
void require_recorded(const Contents& contents) {
  std::map<Address, Address> starts_to_ends;
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < contents.heap.arenas.size(); ++i) {
    for (const Region& region : contents.heap.arenas[i].regions) {
      if (!region.chunks.empty()) starts_to_ends[region.chunks.start] = region.chunks.end;
    }
    for (const ListCount& state : contents.tally.arena(i).states) counted += state.chunks;
  }
  require(contents.tape.size() == counted);
  ChunkTape::Player player = contents.chunks();
  Address end;
  for (ChunkTape::Entry entry; player.next(entry);) {
    const Range chunk = entry.chunk.range;
    if (const auto region = starts_to_ends.extract(chunk.start)) end = region.mapped();
    require(chunk.start < chunk.end && chunk.end <= end);
  }
  require(starts_to_ends.empty());
}

void run(HeapFake& fake, HeapScene::Depth depth) {
  Chart chart;
  const PresentMemory memory(fake.memory, nullptr);
  const HeapScene scene{fake.space, memory, chart, depth};
  const AnonymousMemory anonymous(fake.space);
  Peek peek(scene);
  auto heap = read_heap(peek, scene, anonymous);
  require(fake.memory.reads < kMostReads);
  if (!heap) return;
  for (const Range& chunk : heap->mmapped.chunks) require(!chunk.empty());
  const auto contents = std::make_shared<Contents>(std::move(*heap));
  Blocks blocks(scene, contents);
  blocks.read({});
  blocks.settle();
  const auto claims = claims_of(blocks, contents->heap);
  blocks.rewind();
  require(claims_of(blocks, contents->heap).size() == claims.size());
  blocks.conclude();
  require_recorded(*contents);
  (void)blocks.notes();
  require(fake.memory.reads < kMostReads);
  require(contents->heap.damage.size() <= Heap::kMostDamage);
  require(contents->heap.unfinished.size() <= Heap::kMostDamage);
}

}  // namespace
}  // namespace strata::glibc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strata::glibc;
  if (size < 1) return 0;
  HeapFake fake((bytes[0] & kNewBuild) != 0 ? HeapFake::Build::kNew : HeapFake::Build::kOld);
  if ((bytes[0] & kIsCore) != 0) fake.memory.own_identity.kind = strata::TargetKind::kCore;
  const Words words(fake);
  for (std::size_t at = 1; at + 12 <= size; at += 12) {
    Change change;
    change.kind = bytes[at];
    change.amount = bytes[at + 1];
    std::memcpy(&change.where, bytes + at + 2, sizeof change.where);
    std::memcpy(&change.value, bytes + at + 4, sizeof change.value);
    apply(fake, words, change);
  }
  using Depth = strata::HeapScene::Depth;
  run(fake, (bytes[0] & kWalkOnly) != 0 ? Depth::kWalk : Depth::kCheck);
  return 0;
}
