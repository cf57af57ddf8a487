// A small heap of the Strata malloc's, any bytes of which are others: its table is looked for, the
// walk goes to the end, and its samples are read. The input is changes of 12 bytes each.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "inspect/heap/strata/player.h"
#include "inspect/heap/strata/samples_fake.h"

namespace strata::strata_malloc {
namespace {

// The honest one takes 30, and makes 15 claims.
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

/// All words of the heap's memory, one behind the other; the table's come first.
std::vector<Address> words_of(const TableFake& fake) {
  std::vector<Address> all;
  for (const auto& [start, words] : fake.memory.parts) {
    for (std::size_t i = 0; i < words.size(); ++i) all.push_back(start + Bytes{i * 8});
  }
  return all;
}

void apply(TableFake& fake, const std::vector<Address>& words, const Change& change) {
  const Address at = words[change.where % words.size()];
  std::uint64_t& word = fake.memory.word(at);
  switch (change.kind % 6) {
    case 0:
      word = change.value;
      break;
    case 1:
      word = words[change.value % words.size()].value;
      break;
    case 2:
      word ^= std::uint64_t{1} << change.amount % 64;
      break;
    case 3:
      word += static_cast<std::uint64_t>(static_cast<std::int8_t>(change.amount)) * 16;
      break;
    case 4:
      fake.memory.absent.insert(round_down(at, 4_KiB));
      break;
    default:
      for (std::size_t i = 0; i <= change.amount; ++i) {
        fake.memory.word(words[(change.where + i) % words.size()]) = change.value;
      }
  }
}

std::size_t require_claims(HeapWalk& walk, Range all) {
  Address end = all.start;
  std::size_t count = 0;
  for (Claim claim; walk.next(claim); ++count) {
    require(count < kMostClaims && !claim.range.empty());
    require(claim.range.start >= end && claim.range.end <= all.end);
    end = claim.range.end;
  }
  return count;
}

/// By address within units of a zone, and within runs; blocks within their span.
void require_parts(const Contents& contents) {
  Player player(contents);
  Address end;
  std::size_t count = 0, zone = 0;
  for (Part part; player.next(part); ++count) {
    require(count < kMostClaims && !part.range.empty() && part.zone >= zone);
    require(contents.table.all.contains(part.range));
    if (part.zone == zone) require(part.range.start >= end);
    end = part.range.end;
    zone = part.zone;
    if (part.kind != Part::Kind::kSpan) continue;
    std::uint64_t blocks = 0;
    player.each_stretch(part, [&](std::uint64_t first, std::uint64_t behind, BlockState) {
      require(first == blocks && behind > first);
      blocks = behind;
    });
    require(blocks == part.blocks && part.range.contains(part.range_of_blocks(0, blocks)));
  }
}

void run(TableFake& fake, HeapScene::Depth depth) {
  Chart chart;
  const PresentMemory memory(fake.memory, nullptr);
  const HeapSurvey survey = survey_strata_malloc({fake.space, memory, chart, depth});
  require(fake.memory.reads < kMostReads);
  if (survey.walk == nullptr) return;
  const Range all = survey.strata_malloc->table.all;
  for (const Claim& claim : survey.claims) require(all.contains(claim.range));
  survey.walk->read({});
  survey.walk->settle();
  const std::size_t count = require_claims(*survey.walk, all);
  survey.walk->rewind();
  require(require_claims(*survey.walk, all) == count);
  survey.walk->conclude();
  (void)survey.walk->notes();
  require_parts(*survey.strata_malloc);
  const DamageBook& damage = survey.strata_malloc->damage;
  require(damage.found().size() <= DamageBook::kMost);
  require(depth == HeapScene::Depth::kCheck || damage.count() == 0);
  const SampledHeap sampled = read_samples(memory, survey.strata_malloc->table);
  for (const Sample& sample : sampled.live) {
    require(all.contains(sample.block) && sample.stack < sampled.stacks.size());
    require(sample.weight() >= 1);
  }
  require(fake.memory.reads < kMostReads);
}

}  // namespace
}  // namespace strata::strata_malloc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strata::strata_malloc;
  TableFake fake;
  fake.add_heap();
  put_samples(fake);
  const auto words = words_of(fake);
  for (std::size_t at = 0; at + 12 <= size; at += 12) {
    Change change;
    change.kind = bytes[at];
    change.amount = bytes[at + 1];
    std::memcpy(&change.where, bytes + at + 2, sizeof change.where);
    std::memcpy(&change.value, bytes + at + 4, sizeof change.value);
    apply(fake, words, change);
  }
  run(fake, strata::HeapScene::Depth::kWalk);
  fake.memory.reads = 0;
  run(fake, strata::HeapScene::Depth::kCheck);
  return 0;
}
