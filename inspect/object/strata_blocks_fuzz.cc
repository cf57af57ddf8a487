// A small heap of the Strata malloc's, any bytes of which are others: its blocks are told, its
// words followed, and what leaks is found to the end. The input is changes of 12 bytes each.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "inspect/heap/strata/table_fake.h"
#include "inspect/object/reach.h"
#include "inspect/object/strata_blocks.h"

namespace strata {
namespace {

using strata_malloc::TableFake;

struct Change {
  std::uint16_t where;  // of the words, as they lie one behind the other
  std::uint16_t leads_to;
  std::uint64_t value;
};

void require(bool holds) {
  if (!holds) std::abort();
}

void apply(TableFake& fake, const std::vector<Address>& words, const Change& change) {
  const Address at = words[change.where % words.size()];
  std::uint64_t& word = fake.memory.word(at);
  switch (change.leads_to % 5) {
    case 0:
      word = change.value;
      break;
    case 1:
      word = TableFake::kAll.value + change.value % (TableFake::kEnd - TableFake::kAll).value;
      break;
    case 2:
      word ^= std::uint64_t{1} << change.value % 64;
      break;
    case 3:
      word += (change.value % 256 - 128) * 16;
      break;
    default:
      fake.memory.absent.insert(round_down(at, 4_KiB));
  }
}

void run(TableFake& fake) {
  Chart chart;
  const PresentMemory memory(fake.memory, nullptr);
  const HeapScene scene{fake.space, memory, chart};
  Peek peek(scene);
  std::vector<std::string> doubts;
  auto table = strata_malloc::find_table(peek, fake.space, doubts);
  if (!table) return;
  StrataBlocks blocks(fake.space, memory, std::move(*table), doubts);
  auto map = BlockMap::make(blocks.ground());
  if (!map) return;
  References references(*map);
  blocks.read(*map, references);
  blocks.settle(*map);
  references.resolve();
  std::uint64_t live = 0;
  map->each_live([&](BlockNumber block) {
    ++live;
    const Address user = map->user(block);
    const BlockMap::Found found = map->find(map->place_of(user.value));
    require(found.block == block && found.exact && map->usable(block) > 0_B);
  });
  Reach reach(*map, references);
  reach.add_root(map->find(map->place_of(TableFake::kAll.value)));
  reach.follow();
  const Reach::Leaks leaks = reach.find_leaks();
  require(leaks.direct_count.blocks + leaks.indirect_count.blocks <= live);
  (void)blocks.notes();
  (void)blocks.own();
  (void)blocks.lost();
}

}  // namespace
}  // namespace strata

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  using namespace strata;
  TableFake fake;
  // Blocks have something on them: the first unit, which leads here and there.
  std::vector<std::uint64_t> content(2048);
  for (std::size_t i = 0; i < content.size(); ++i) {
    content[i] = i % 3 == 0 ? TableFake::kAll.value + i * 40 : i;
  }
  fake.memory.parts[TableFake::kAll] = content;
  std::vector<Address> words;
  for (const auto& [start, part] : fake.memory.parts) {
    for (std::size_t i = 0; i < part.size(); ++i) words.push_back(start + Bytes{i * 8});
  }
  for (std::size_t at = 0; at + sizeof(std::uint32_t) * 3 <= size; at += 12) {
    Change change;
    std::memcpy(&change.where, bytes + at, sizeof change.where);
    std::memcpy(&change.leads_to, bytes + at + 2, sizeof change.leads_to);
    std::memcpy(&change.value, bytes + at + 4, sizeof change.value);
    apply(fake, words, change);
  }
  run(fake);
  return 0;
}
