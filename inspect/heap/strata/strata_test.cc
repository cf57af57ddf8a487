#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <map>

#include "inspect/heap/lying_target.h"
#include "inspect/heap/strata/player.h"
#include "inspect/heap/strata/table_fake.h"

namespace strata::strata_malloc {
namespace {

// Of a heap of 1.4 MiB; the honest one takes 40.
constexpr std::size_t kMostReads = 20'000;

/// A survey of a fake, its walk over. Claims of the walk come by address, apart, in the
/// reservation.
struct Walked {
  using Depth = HeapScene::Depth;

  explicit Walked(TableFake& fake, Depth depth = Depth::kWalk) : Walked(fake, fake.memory, depth) {}
  /// The fake's memory as `target` shows it.
  Walked(TableFake& fake, const Target& target, Depth depth = Depth::kWalk)
      : memory(target, nullptr) {
    survey = survey_strata_malloc({fake.space, memory, chart, depth});
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
  const std::vector<Damage>& damage() const { return survey.strata_malloc->damage.found(); }

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
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free units", "releasable"}), 16_KiB);
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

TEST(StrataMalloc, WhatLiesOnAHeapsShelfIsNoDamage) {
  TableFake fake;
  fake.add_heap();
  Walked walked(fake, Walked::Depth::kCheck);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.damage().empty()) << walked.damage()[0].what;
  // Nor is a span of a heap that is being destroyed.
  fake.put(TableFake::kSpans + 64_B, (TableFake::kDestroyed + Bytes{TableFake::kArena}).value);
  EXPECT_TRUE(Walked(fake, Walked::Depth::kCheck).damage().empty());
  // A count that is wrong is, and it is of its span alone.
  fake.put(TableFake::kSpans + 64_B + 36_B, std::uint32_t{24});
  const Walked wrong(fake, Walked::Depth::kCheck);
  ASSERT_EQ(wrong.damage().size(), 1u);
  EXPECT_NE(wrong.damage()[0].what.find("counts 24 free blocks, and 4"), std::string::npos);
}

TEST(StrataMalloc, ANamedHeapsClassesAreToldApart) {
  TableFake fake;
  fake.add_heap();
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  const Tally& tally = walked.tally();
  ASSERT_EQ(tally.heap_classes.size(), 1u);
  const ClassTally& own = tally.heap_classes.at({0, 1});
  EXPECT_EQ(own.spans, 1u);
  EXPECT_EQ(of_state(own.states, BlockState::kLive).blocks, 1000u);
  EXPECT_EQ(own.fills[static_cast<std::size_t>(Fill::kBelowAll)], 1u);
  EXPECT_EQ(own.pinned, walked.at({"heap", "strata", "named heaps", "a heap", "free", "pinned"}));
  ClassTally others = tally.classes[1];
  others -= own;
  EXPECT_EQ(others.spans, 0u);
  EXPECT_EQ(of_state(others.states, BlockState::kLive).bytes, 0_B);
  // What is played says whose it is.
  Player player(*walked.survey.strata_malloc);
  std::map<Part::Kind, std::size_t> of_heap;
  for (Part part; player.next(part);)
    of_heap[part.kind] += part.heap == std::optional<std::size_t>(0);
  EXPECT_EQ(of_heap[Part::Kind::kSpan], 1u);
  EXPECT_EQ(of_heap[Part::Kind::kRun], 1u);
}

TEST(StrataMalloc, AGuardIsNeitherLiveNorFree) {
  TableFake fake;
  fake.put(TableFake::kEntries + 16_B + 12_B, abi::RunUse::kGuard);
  Walked walked(fake, Walked::Depth::kCheck);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_TRUE(walked.damage().empty());
  EXPECT_EQ(walked.tally().live_runs.blocks, 0u);
  EXPECT_EQ(walked.tally().free_runs.blocks, 1u);
  EXPECT_EQ(walked.at({"heap", "strata", "runs of pages", "free", "given back"}), 28_KiB);
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
        Walked walked(fake, Walked::Depth::kCheck);
        (walked.survey.strata_malloc ? taken : refused) += 1;
      }
    }
  }
  // Some words are only shown, and some lies are true.
  EXPECT_GT(refused, taken);
  EXPECT_GT(taken, 0u);
}

TEST(StrataMalloc, AMarkedBlockIsLive) {
  TableFake fake;
  for (std::uint64_t i = 0; i < 7; ++i) fake.put(TableFake::kStates + Bytes{i * 3}, char(0x42));
  Walked walked(fake, Walked::Depth::kCheck);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().odd, 0u);
  EXPECT_EQ(of_state(walked.tally().classes[2].states, BlockState::kLive).blocks, 200u);
  EXPECT_TRUE(walked.damage().empty());
}

TEST(StrataMalloc, SpansAreToldByHowManyOfTheirBlocksAreLive) {
  EXPECT_EQ(fill_of(0, 4), Fill::kNone);
  EXPECT_EQ(fill_of(1, 5), Fill::kBelowQuarter);
  EXPECT_EQ(fill_of(1, 4), Fill::kBelowHalf);
  EXPECT_EQ(fill_of(2, 4), Fill::kBelow3Quarters);
  EXPECT_EQ(fill_of(3, 4), Fill::kBelowAll);
  EXPECT_EQ(fill_of(4, 4), Fill::kAll);
  TableFake fake;
  Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  const auto fills = [&](std::size_t size_class, Fill fill) {
    return walked.tally().classes[size_class].fills[static_cast<std::size_t>(fill)];
  };
  EXPECT_EQ(fills(2, Fill::kNone), 1u);
  EXPECT_EQ(fills(2, Fill::kBelow3Quarters), 1u);  // 200 of 341
  EXPECT_EQ(fills(1, Fill::kAll), 1u);
  EXPECT_EQ(fills(4, Fill::kBelowAll), 1u);
  // What is free and not booked as whole pages.
  EXPECT_EQ(walked.tally().classes[2].pinned,
            walked.at({"heap", "strata", "small blocks", "free", "pinned"}));
}

TEST(StrataMalloc, AUnitThatWasGivenBackIsToldFromOneThatWasNot) {
  TableFake fake;
  fake.put(TableFake::kUnitBits, std::uint64_t{0});
  fake.put(TableFake::kUnitBits + 64_B, std::uint64_t{1} << 2);
  Walked walked(fake, Walked::Depth::kCheck);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  EXPECT_EQ(walked.tally().clean_units[0], 1u);
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free units", "given back"}), 16_KiB);
  EXPECT_TRUE(walked.damage().empty());
}

TEST(StrataMalloc, WhoHasAnArenaAndWhatIsTheLibrarysOwnIsRead) {
  TableFake fake;
  const Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  const Table& table = walked.survey.strata_malloc->table;
  ASSERT_EQ(table.uses.size(), 2u);
  EXPECT_FALSE(table.uses[0].is_idle);
  EXPECT_EQ(table.uses[0].thread, 4242);
  EXPECT_TRUE(table.uses[1].is_idle);
  EXPECT_EQ(table.own, range_of(TableFake::kFrontiers, 256_B));
  EXPECT_EQ(table.background, 1u);
  EXPECT_EQ(table.decay, 4000u);
}

TEST(StrataMalloc, AnOlderTableIsReadAsFarAsItGoes) {
  TableFake fake;
  fake.layout.bytes = offsetof(abi::MallocLayout, own);
  fake.put_layout();
  Walked walked(fake, Walked::Depth::kCheck);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  const Table& table = walked.survey.strata_malloc->table;
  EXPECT_TRUE(table.uses.empty());
  EXPECT_TRUE(table.own.empty());
  EXPECT_FALSE(table.background || table.decay);
  EXPECT_EQ(walked.tally().clean_units[0], 0u);
  EXPECT_EQ(walked.tally().free_units[0], 1u);
  EXPECT_TRUE(walked.damage().empty());
}

TEST(StrataMalloc, WhatDoesNotHoldIsDamageWithItsAddress) {
  constexpr Address kEntry = TableFake::kEntries + 16_B;
  struct Wrong {
    Address at;
    std::vector<std::uint8_t> is;
    Address named;
    const char* what;
  };
  const Address first = TableFake::kStates, span = TableFake::kSpans;
  const Wrong all[] = {
      {first, {1}, first, "its span is of blocks of 48 bytes, 300 of 341 cut"},
      {first, {0}, first, "its span is of blocks of 48 bytes, 300 of 341 cut"},
      {first + 900_B, {2}, first + 900_B, "its span is of blocks of 48 bytes"},
      {first + 1_B, {2}, first + 1_B, "no block of 48 bytes begins there"},
      {first + 1023_B, {2}, first + 1023_B, "no block of 48 bytes begins there"},
      {first + 2048_B, {1}, first + 2048_B, "the unit is no span's"},
      {span + 36_B, {91}, span + 36_B, "counts 91 free blocks, and 90 are marked so"},
      {span + 40_B, {43}, first + 897_B, "blocks of 48 bytes, 299 of 341 cut"},
      {span + 1_B, {0xff}, span, "which is no arena"},
      {span + 33_B, {60}, span + 33_B, "is of class 60, which there is none of"},
      {TableFake::kUnitBits, {5}, span, "is a span's, and counts as free"},
      {TableFake::kUnitBits, {0}, span + 128_B, "is no span's, and does not count as free"},
      {TableFake::kUnitBits + 64_B, {4}, span + 128_B, "counts as free twice"},
      {kEntry, {6}, TableFake::kEntries + 112_B, "no run begins at"},
      {kEntry + 12_B, {9}, kEntry, "no run begins at"},
      {TableFake::kEntries + 144_B, {3}, TableFake::kEntries + 144_B, "its last one says 3"},
      {TableFake::kDirty, {2}, TableFake::kDirty, "counts as free, and is of the run at"},
  };
  for (const Wrong& wrong : all) {
    TableFake fake;
    fake.put(wrong.at, wrong.is.data(), wrong.is.size());
    Walked walked(fake, Walked::Depth::kCheck);
    ASSERT_NE(walked.survey.strata_malloc, nullptr);
    const std::vector<Damage>& damage = walked.damage();
    EXPECT_TRUE(std::any_of(damage.begin(), damage.end(),
                            [&](const Damage& d) {
                              return d.at == wrong.named &&
                                     d.what.find(wrong.what) != std::string::npos;
                            }))
        << wrong.what << "; first: " << (damage.empty() ? "nothing" : damage[0].what);
    EXPECT_LE(damage.size(), 4u) << wrong.what;
  }
  TableFake whole;
  EXPECT_TRUE(Walked(whole, Walked::Depth::kCheck).damage().empty());
}

TEST(StrataMalloc, DamageThatIsThereOnceIsUnfinished) {
  DamageBook earlier, now;
  earlier.report({Address{0x10}, "counts 3", "", {}});
  earlier.report({Address{0x20}, "counts 3", "", {}});
  now.report({Address{0x10}, "counts 3", "", {}});
  now.report({Address{0x20}, "counts 4", "", {}});
  now.report({Address{0x30}, "counts 3", "", {}});
  now.doubt(earlier);
  ASSERT_EQ(now.found().size(), 1u);
  EXPECT_EQ(now.found()[0].at, Address{0x10});
  EXPECT_EQ(now.unfinished().size(), 2u);
  EXPECT_EQ(now.count(), 1u);
}

TEST(StrataMalloc, OfDamageWithoutEndAHundredAreKept) {
  TableFake fake;
  DamageBook book;
  for (std::uint64_t i = 0; i < 1000; ++i) book.report({Address{i}, "", "", {}});
  EXPECT_EQ(book.found().size(), DamageBook::kMost);
  EXPECT_EQ(book.count(), 1000u);
}

TEST(StrataMalloc, AllIsPlayedByAddressWithoutAGap) {
  TableFake fake;
  fake.memory.absent.insert(TableFake::kMediumSpans);
  const Walked walked(fake);
  ASSERT_NE(walked.survey.strata_malloc, nullptr);
  Player player(*walked.survey.strata_malloc);
  std::map<Part::Kind, std::size_t> kinds;
  Address end = TableFake::kAll;
  for (Part part; player.next(part);) {
    const bool is_next = part.range.start == end || part.range.start == TableFake::kMedium ||
                         part.range.start == TableFake::kRuns + 4_KiB;
    EXPECT_TRUE(is_next) << std::hex << part.range.start.value;
    end = part.range.end;
    ++kinds[part.kind];
  }
  EXPECT_EQ(end, TableFake::kRuns + 80_KiB);
  EXPECT_EQ(kinds[Part::Kind::kSpan], 3u);
  EXPECT_EQ(kinds[Part::Kind::kFreeUnit], 1u);
  EXPECT_EQ(kinds[Part::Kind::kLost], 1u);  // the medium unit
  EXPECT_EQ(kinds[Part::Kind::kRun], 4u);   // half of the free one is dirty
}

TEST(StrataMalloc, AWalkOverMemoryThatLiesEnds) {
  std::size_t recognised = 0;
  for (const std::uint64_t rarity : {2, 10, 100, 1000, 5000}) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
      TableFake fake;
      fake.add_heap();
      const LyingTarget liar(fake.memory, fake.space, seed * 7 + rarity, rarity);
      Walked walked(fake, liar, Walked::Depth::kCheck);
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
  EXPECT_EQ(walked.at({"heap", "strata", "small blocks", "free units", "releasable"}), 0_B);
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
