#include <gtest/gtest.h>

#include <map>

#include "inspect/heap/lying_target.h"
#include "inspect/heap/strata/table_fake.h"

namespace strata::strata_malloc {
namespace {

// Of a heap of 1.4 MiB; the honest one takes 40.
constexpr std::size_t kMostReads = 20'000;

/// A survey of a fake, its walk over. Claims of the walk come by address, apart, in the
/// reservation.
struct Walked {
  explicit Walked(TableFake& fake) : Walked(fake, fake.memory) {}
  /// The fake's memory as `target` shows it.
  Walked(TableFake& fake, const Target& target) : memory(target, nullptr) {
    survey = survey_strata_malloc({fake.space, memory, chart});
    for (const Claim& claim : survey.claims) book(claim);
    if (survey.walk == nullptr) return;
    const Range all = survey.strata_malloc->table.all;
    survey.walk->read({});
    survey.walk->settle();
    Address end = all.start;
    for (Claim claim; survey.walk->next(claim);) {
      EXPECT_FALSE(claim.range.empty());
      EXPECT_GE(claim.range.start, end);
      EXPECT_LE(claim.range.end, all.end);
      end = claim.range.end;
      book(claim);
      ++claims;
    }
    EXPECT_LT(fake.memory.reads, kMostReads);
  }
  void book(const Claim& claim) { booked[claim.account] += claim.range.size(); }
  Bytes at(std::initializer_list<std::string_view> path) {
    const auto account = chart.find(path);
    return account ? booked[*account] : Bytes{};
  }
  const Tally& tally() const { return survey.strata_malloc->tally; }

  PresentMemory memory;
  Chart chart;
  HeapSurvey survey;
  std::map<AccountId, Bytes> booked;
  std::size_t claims = 0;
};

TEST(StrataMalloc, EachBlockIsInItsAccount) {
  TableFake fake;
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.survey.notes.empty());
  EXPECT_TRUE(walked.survey.walk->notes().empty());
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "live"}), 48_B * 200 + 16_B * 1024);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "thread caches"}), 480_B);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "never cut"}), 48_B * 41);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "span ends"}), 16_B);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free units"}), 16_KiB);
  // Free from 9600 to 13920 has no whole page; of the other span all is free, and what is behind
  // its last block goes with it.
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free", "releasable"}), 16_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free", "pinned"}), 48_B * 90);
  EXPECT_EQ(walked.at({"heap", "strata", "medium blocks", "live"}), 192_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "medium blocks", "thread caches"}), 64_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "runs of pages", "live"}), 60_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "runs of pages", "free", "releasable"}), 8_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "runs of pages", "free", "given back"}), 8_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "metadata", "states"}), 16_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "never used"}), TableFake::kEnd - TableFake::kAll);
}

TEST(StrataMalloc, ClassesAndArenasAreCounted) {
  TableFake fake;
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  const Tally& tally = walked.tally();
  EXPECT_EQ(tally.classes[2].spans, 2u);
  EXPECT_EQ(of_state(tally.classes[2].states, BlockState::kLive).blocks, 200u);
  EXPECT_EQ(of_state(tally.classes[2].states, BlockState::kFree).blocks, 90u + 341);
  EXPECT_EQ(of_state(tally.classes[2].states, BlockState::kCached).blocks, 10u);
  EXPECT_EQ(of_state(tally.classes[2].states, BlockState::kUncut).blocks, 41u);
  EXPECT_EQ(of_state(tally.classes[4].states, BlockState::kLive).bytes, 192_KiB);
  EXPECT_EQ(tally.free_units[0], 1u);
  ASSERT_EQ(tally.arenas.size(), 2u);
  EXPECT_EQ(tally.arenas.at(TableFake::kMetadata + 512_B).spans, 1u);
  EXPECT_EQ(tally.live_runs.blocks, 1u);
  EXPECT_EQ(tally.moved_runs.bytes, 40_KiB);
  EXPECT_EQ(tally.free_runs.bytes, 16_KiB);
  EXPECT_EQ(tally.miscounted, 0u);
  const std::vector<Address> arenas{TableFake::kMetadata, TableFake::kMetadata + 512_B};
  EXPECT_EQ(walked.survey.strata_malloc->table.arenas, arenas);
}

TEST(StrataMalloc, AWalkGivesTheSameClaimsAgain) {
  TableFake fake;
  Walked walked(fake);
  ASSERT_NE(walked.survey.walk, nullptr);
  for (int again = 0; again < 2; ++again) {
    if (again == 1) walked.survey.walk->read({});
    walked.survey.walk->rewind();
    std::size_t claims = 0;
    for (Claim claim; walked.survey.walk->next(claim);) ++claims;
    EXPECT_EQ(claims, walked.claims);
  }
}

TEST(StrataMalloc, ANamedHeapHasWhatItsArenaAndItsNumberHave) {
  TableFake fake;
  fake.add_heap();
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.survey.walk->notes().empty());
  const Contents& contents = *walked.survey.strata_malloc;
  ASSERT_EQ(contents.table.named.heaps.size(), 1u);
  const NamedHeap& heap = contents.table.named.heaps[0];
  EXPECT_EQ(heap.name, "a heap");
  EXPECT_EQ(heap.limit, std::uint64_t{1} << 20);
  EXPECT_EQ(heap.peak, 123456_B);
  EXPECT_EQ(heap.refused, 7u);
  const HeapTally& tally = walked.tally().heaps.at(0);
  EXPECT_EQ(tally.spans, 1u);
  EXPECT_EQ(of_state(tally.states, BlockState::kLive).blocks, 1000u);
  EXPECT_EQ(of_state(tally.states, BlockState::kFree).blocks, 24u);
  EXPECT_EQ(of_state(tally.states, BlockState::kCached).blocks, 0u);
  EXPECT_EQ(tally.runs.blocks, 1u);
  EXPECT_EQ(tally.live().bytes, 16_B * 1000 + 40_KiB);
  EXPECT_EQ(walked.tally().miscounted, 0u);
  EXPECT_EQ(walked.tally().odd, 0u);
  EXPECT_EQ(walked.at({"heap", "strata", "named heaps", "a heap", "live"}), 16_B * 1000);
  EXPECT_EQ(walked.at({"heap", "strata", "named heaps", "a heap", "free", "pinned"}), 16_B * 24);
  EXPECT_EQ(walked.at({"heap", "strata", "named heaps", "a heap", "large blocks"}), 40_KiB);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "live"}), 48_B * 200);
  EXPECT_EQ(walked.at({"heap", "strata", "runs of pages", "live"}), 20_KiB);
  // Its arena is no thread's.
  const std::vector<Address> arenas{TableFake::kMetadata, TableFake::kMetadata + 512_B};
  EXPECT_EQ(contents.table.arenas, arenas);
  EXPECT_EQ(walked.tally().arenas.size(), 2u);
}

TEST(StrataMalloc, AnOlderTableHasNoNamedHeaps) {
  TableFake fake;
  fake.add_heap();
  fake.layout.bytes = offsetof(abi::MallocLayout, heaps);
  fake.put_layout();
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.survey.strata_malloc->table.named.heaps.empty());
  // Its spans are an arena's as any other, and what is live is so.
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "live"}), 48_B * 200 + 16_B * 1000);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "thread caches"}), 480_B + 16_B * 20);
  EXPECT_EQ(walked.tally().live_runs.blocks + walked.tally().moved_runs.blocks, 2u);
}

TEST(StrataMalloc, AListOfHeapsThatLeadsElsewhereEnds) {
  const std::uint64_t lies[] = {TableFake::kHeap.value, TableFake::kDestroyed.value,
                                TableFake::kStates.value, TableFake::kEnd.value - 8, 12345};
  for (const std::uint64_t lie : lies) {
    TableFake fake;
    fake.add_heap();
    fake.put(TableFake::kHeap + Bytes{TableFake::kNext}, lie);
    Walked walked(fake);
    ASSERT_NE(walked.survey.strata_malloc, nullptr);
    EXPECT_FALSE(walked.survey.strata_malloc->table.named.is_whole);
    EXPECT_EQ(walked.survey.walk->notes().size(), 1u);
    EXPECT_EQ(walked.survey.strata_malloc->table.named.heaps.size(), 1u);
  }
}

TEST(StrataMalloc, ANameIsAsLongAsItsPlace) {
  TableFake fake;
  fake.add_heap();
  const std::string name(TableFake::kNameBytes, '\x1b');
  fake.put(TableFake::kHeap + Bytes{TableFake::kName}, name.data(), name.size());
  fake.put(TableFake::kHeap + Bytes{TableFake::kName + TableFake::kNameBytes}, 'x');
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.survey.strata_malloc->table.named.heaps.at(0).name, name);
}

TEST(StrataMalloc, AnotherVersionIsSaidToBeSo) {
  TableFake fake;
  fake.layout.version = abi::kMallocVersion + 1;
  fake.put_layout();
  Walked walked(fake);
  EXPECT_EQ(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.survey.claims.empty());
  ASSERT_EQ(walked.survey.notes.size(), 1u);
  EXPECT_NE(walked.survey.notes[0].find("version 2"), std::string::npos) << walked.survey.notes[0];
}

TEST(StrataMalloc, ItsPagesMayBeLargerThanTheMachines) {
  TableFake fake;
  fake.layout.page_size = (16_KiB).value;
  fake.put_layout();
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().live_runs.bytes, 80_KiB);
  EXPECT_EQ(walked.tally().free_runs.bytes, 64_KiB);
}

TEST(StrataMalloc, APageSizeThatIsNoneIsSaidToBeSo) {
  for (const std::uint32_t bytes : {0U, 1U, 2048U, 12288U, 131072U, ~0U}) {
    TableFake fake;
    fake.layout.page_size = bytes;
    fake.put_layout();
    Walked walked(fake);
    EXPECT_EQ(walked.survey.strata_malloc, nullptr) << bytes;
    ASSERT_EQ(walked.survey.notes.size(), 1u);
    EXPECT_NE(walked.survey.notes[0].find("page size"), std::string::npos);
  }
}

TEST(StrataMalloc, WithoutItsMagicThereIsNone) {
  TableFake fake;
  fake.byte(TableFake::kTable) = 's';
  Walked walked(fake);
  EXPECT_EQ(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.survey.notes.empty());
}

TEST(StrataMalloc, NoWordOfATableLeadsElsewhere) {
  TableFake honest;
  honest.add_heap();
  const std::uint64_t lies[] = {0,
                                1,
                                7,
                                ~std::uint64_t{0},
                                std::uint64_t{1} << 47,
                                std::uint64_t{1} << 63,
                                0xffffffff,
                                0xffffffff00000000,
                                TableFake::kStatic.value,
                                TableFake::kAll.value,
                                TableFake::kRuns.value,
                                TableFake::kEnd.value};
  std::size_t refused = 0, taken = 0;
  for (std::size_t word = 2; word < sizeof(abi::MallocLayout) / 8; ++word) {
    for (std::uint64_t lie : lies) {
      for (const bool adds : {false, true}) {
        TableFake fake;
        fake.add_heap();
        std::uint64_t was;
        std::memcpy(&was, reinterpret_cast<const char*>(&honest.layout) + word * 8, sizeof was);
        fake.put(TableFake::kTable + Bytes{word * 8}, adds ? was + lie : lie);
        Walked walked(fake);
        (walked.survey.strata_malloc ? taken : refused) += 1;
      }
    }
  }
  // Some words are only shown, and some lies are true.
  EXPECT_GT(refused, taken);
  EXPECT_GT(taken, 0u);
}

TEST(StrataMalloc, AWalkOverMemoryThatLiesEnds) {
  std::size_t recognised = 0;
  for (const std::uint64_t rarity : {2, 10, 100, 1000, 5000}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      TableFake fake;
      fake.add_heap();
      const LyingTarget liar(fake.memory, fake.space, seed * 7 + rarity, rarity);
      Walked walked(fake, liar);
      recognised += walked.survey.strata_malloc != nullptr;
    }
  }
  // Rare lies leave enough to recognise, or the lies above met nobody.
  EXPECT_GT(recognised, 0u);
}

TEST(StrataMalloc, AFrontierBehindTheEndIsTheEnd) {
  TableFake fake;
  for (const Bytes at : {0_B, 4_B, 8_B}) fake.put(TableFake::kFrontiers + at, ~std::uint32_t{0});
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.survey.strata_malloc->units[0], 8u);
  EXPECT_EQ(walked.survey.strata_malloc->pages, 64u);
  EXPECT_EQ(walked.tally().lost, 4_KiB * 44);
}

TEST(StrataMalloc, StatesOfAnotherClassAreCountedAndNotBelieved) {
  TableFake fake;
  for (std::uint64_t i = 0; i < 5; ++i) fake.put(TableFake::kStates + Bytes{i * 3}, char(7));
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().odd, 5u);
  EXPECT_EQ(of_state(walked.tally().classes[2].states, BlockState::kLive).blocks, 195u);
  EXPECT_EQ(walked.survey.walk->notes().size(), 1u);
}

TEST(StrataMalloc, AMarkedBlockIsLive) {
  TableFake fake;
  fake.put(TableFake::kStates, char(2 | abi::kStateMarked));
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().odd, 0u);
  EXPECT_EQ(of_state(walked.tally().classes[2].states, BlockState::kLive).blocks, 200u);
}

TEST(StrataMalloc, WhatIsNotInMemoryIsNotWalked) {
  TableFake fake;
  fake.memory.absent.insert(TableFake::kMediumStates);
  fake.memory.absent.insert(TableFake::kEntries);
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().lost, 256_KiB + 4_KiB * 19);
  EXPECT_EQ(walked.at({"heap", "strata", "not walked"}), 256_KiB + 4_KiB * 19);
  EXPECT_EQ(walked.survey.walk->notes().size(), 1u);
}

TEST(StrataMalloc, ARunBeyondTheFrontierIsNone) {
  TableFake fake;
  fake.put(TableFake::kEntries + 16_B, std::uint32_t{20});
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().lost, 4_KiB * 5);
  EXPECT_EQ(walked.tally().free_runs.blocks, 1u);
}

TEST(StrataMalloc, OnlyWhatIsMappedIsClaimed) {
  TableFake fake;
  Mapping& blocks = fake.space.mappings[1];
  ASSERT_EQ(blocks.range.start, TableFake::kAll);
  Mapping behind = blocks;
  blocks.range.end = TableFake::kAll + 16_KiB;
  behind.range.start = TableFake::kMedium;
  fake.space.mappings.insert(fake.space.mappings.begin() + 2, behind);
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "live"}), 48_B * 200);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free units"}), 0_B);
  EXPECT_EQ(walked.at({"heap", "strata", "medium blocks", "live"}), 192_KiB);
}

TEST(StrataMalloc, AFileWhereStatesShouldBeIsNotRead) {
  TableFake fake;
  for (Mapping& m : fake.space.mappings) {
    if (m.range.start != TableFake::kStates) continue;
    m.name = "/dev/mem";
    m.inode = 9;
  }
  Walked walked(fake);
  EXPECT_EQ(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.survey.notes.size(), 1u);
}

TEST(StrataMalloc, AListOfArenasThatIsARingEnds) {
  TableFake fake;
  fake.put(TableFake::kMetadata + 16_B, TableFake::kMetadata.value + 512);
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_FALSE(walked.survey.strata_malloc->table.has_all_arenas);
  EXPECT_EQ(walked.survey.walk->notes().size(), 1u);
}

TEST(StrataMalloc, OfTwoTablesOneIsReadAndTheOtherNamed) {
  TableFake fake;
  fake.put(TableFake::kTable + 4096_B, &fake.layout, sizeof fake.layout);
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.survey.notes.size(), 1u);
}

}  // namespace
}  // namespace strata::strata_malloc
