// One word of a small heap is made another: what is found must name its address, or the structure.
#include <gtest/gtest.h>

#include <functional>

#include "inspect/heap/glibc/heap_fake.h"

namespace strata::glibc {
namespace {

struct Seen {
  std::vector<Damage> damage, unfinished;
  std::vector<std::string> notes;
  Bytes live, lost, cached, binned, top, fast;
  std::uint64_t live_chunks = 0;

  std::string text() const {
    std::string all;
    for (const Damage& d : damage) all += fmt::format("{:#x}: {}\n", d.at.value, d.what);
    for (const std::string& note : notes) all += note + "\n";
    return all;
  }
  const Damage* at(Address address) const {
    for (const Damage& d : damage) {
      if (d.at == address) return &d;
    }
    return nullptr;
  }
};

Seen look(HeapFake& fake) {
  Chart chart;
  const PresentMemory memory(fake.memory, nullptr);
  const HeapScene scene{fake.space, memory, chart, HeapScene::Depth::kCheck};
  const AnonymousMemory anonymous(fake.space);
  Peek peek(scene);
  auto heap = read_heap(peek, scene, anonymous);
  Seen seen;
  if (!heap) {
    seen.notes.push_back("no heap");
    return seen;
  }
  auto contents = std::make_shared<Contents>(std::move(*heap));
  Blocks blocks(scene, contents);
  blocks.read({});
  blocks.settle();
  for (Claim claim; blocks.next(claim);) {
    EXPECT_FALSE(claim.range.empty());
  }
  blocks.conclude();
  seen.damage = contents->heap.damage;
  seen.unfinished = contents->heap.unfinished;
  seen.notes = blocks.notes();
  for (std::size_t i = 0; i < contents->heap.arenas.size(); ++i) {
    const ArenaTally& tally = contents->tally.arena(i);
    seen.live += tally.of(ChunkState::kLive).bytes;
    seen.live_chunks += tally.of(ChunkState::kLive).chunks;
    seen.lost += tally.of(ChunkState::kLost).bytes;
    seen.cached += tally.of(ChunkState::kCached).bytes;
    seen.binned += tally.of(ChunkState::kBinned).bytes;
    seen.fast += tally.of(ChunkState::kFast).bytes;
    seen.top += tally.of(ChunkState::kTop).bytes;
  }
  return seen;
}

class GlibcDamage : public testing::TestWithParam<HeapFake::Build> {
 protected:
  HeapFake fake{GetParam()};
  const Seen whole = look(fake);

  /// That `at` made `value` is found at `named`, and no more than `lost` is not walked for it.
  void expect_named(Address at, std::uint64_t value, Address named, Bytes lost = 0_B) {
    const std::uint64_t was = std::exchange(fake.word(at), value);
    const Seen seen = look(fake);
    EXPECT_NE(seen.at(named), nullptr) << fmt::format("{:#x}\n", named.value) << seen.text();
    EXPECT_LE(seen.lost, lost) << seen.text();
    EXPECT_LE(seen.damage.size(), 4u) << seen.text();
    if (lost == 0_B) {
      EXPECT_EQ(seen.live + seen.cached + seen.binned + seen.fast + seen.top,
                whole.live + whole.cached + whole.binned + whole.fast + whole.top)
          << seen.text();
    }
    fake.word(at) = was;
  }
  void expect_named(Address at, std::uint64_t value) { expect_named(at, value, at); }
};

INSTANTIATE_TEST_SUITE_P(Builds, GlibcDamage,
                         testing::Values(HeapFake::Build::kOld, HeapFake::Build::kNew));

TEST_P(GlibcDamage, AWholeHeapHasNone) {
  EXPECT_EQ(whole.text(), "");
  EXPECT_EQ(whole.cached, 240_B);
  EXPECT_EQ(whole.fast, GetParam() == HeapFake::Build::kOld ? 96_B : 0_B);
  EXPECT_EQ(whole.binned, 320_B * 2 + 2064_B * 2 + 2048_B + 720_B + 400_B);
  EXPECT_EQ(whole.lost, 0_B);
}

TEST_P(GlibcDamage, ASizeIsNamed) {
  const Address size = fake.live + 8_B;
  expect_named(size, 0, size, 112_B);
  expect_named(size, 0x4141414141414141, size, 112_B);
  expect_named(size, 112 | kPreviousInUse | kIsMmapped, size, 112_B);
  // Into the middle of a block, and of a later one.
  fake.word(fake.live + 64_B) = 0x1234567;
  expect_named(size, 144 | kPreviousInUse, size, 112_B + 80_B);
  expect_named(size, 48 | kPreviousInUse, fake.live + 48_B + 8_B, 112_B);
}

TEST_P(GlibcDamage, BitsOfASizeAreNamed) {
  expect_named(fake.live + 8_B, 112 | kPreviousInUse | kNotMainArena);
  expect_named(fake.live + 8_B, 112);  // the chunk before it is in use
  expect_named(fake.kBrk + 8_B, fake.word(fake.kBrk + 8_B) & ~kPreviousInUse);
  expect_named(fake.small[0] + 8_B, 320);
  expect_named(fake.small[0] + 8_B, 320 | kPreviousInUse | kNotMainArena);
  const Address other = fake.other_live + 8_B;
  expect_named(other, fake.word(other) & ~kNotMainArena);
  expect_named(fake.top + 8_B, fake.word(fake.top + 8_B) & ~kPreviousInUse);
}

TEST_P(GlibcDamage, AFreeChunkThatIsMarkedAsUsedIsNamed) {
  const Address behind = fake.small[0] + 320_B + 8_B;
  fake.word(behind) |= kPreviousInUse;
  const Seen seen = look(fake);
  ASSERT_FALSE(seen.damage.empty());
  EXPECT_EQ(seen.damage.front().at, fake.bin(fake.main_arena, 20) + 16_B) << seen.text();
}

TEST_P(GlibcDamage, TheTopIsNamed) {
  const Address size = fake.top + 8_B;
  expect_named(size, fake.word(size) + (1 << 30));
  expect_named(size, 64 | kPreviousInUse);
  for (const Address arena : {fake.main_arena, fake.other_arena}) {
    const Address top = arena + fake.layout().top();
    expect_named(top, 0x414141414140, top, arena == fake.main_arena ? 0_B : 16_KiB);
  }
}

TEST_P(GlibcDamage, LinksOfBinsAreNamed) {
  for (const Address chunk : {fake.small[0], fake.large[1], fake.unsorted}) {
    for (const Bytes link : {16_B, 24_B}) {
      expect_named(chunk + link, chunk.value);
      expect_named(chunk + link, 0x5a5a5a5a5a5a5a5a);
      expect_named(chunk + link, fake.live.value);
    }
  }
  expect_named(fake.small[1] + 16_B, fake.small[0].value);
  expect_named(fake.unsorted + 16_B, fake.other_binned.value);
  expect_named(fake.other_binned + 16_B, fake.small[0].value);
}

TEST_P(GlibcDamage, HeadsOfBinsAreNamed) {
  for (const std::size_t number :
       {std::size_t{1}, std::size_t{20}, bin_of(2048_B), std::size_t{9}}) {
    const Address head = fake.bin(fake.main_arena, number);
    for (const Bytes link : {16_B, 24_B}) {
      expect_named(head + link, 0x5a5a5a5a5a50);
      expect_named(head + link, fake.large[1].value);
    }
  }
  expect_named(fake.bin(fake.other_arena, 25) + 24_B, fake.live.value);
}

TEST_P(GlibcDamage, OrderAndSizesOfLargeBinsAreNamed) {
  expect_named(fake.large[0] + 32_B, fake.large[1].value);
  expect_named(fake.large[2] + 40_B, 0);
  const Address map = fake.main_arena + fake.layout().bins + Layout::kBinBytes;
  expect_named(map, 0);
}

TEST_P(GlibcDamage, TheFootIsNamed) { expect_named(fake.large[2] + 2048_B, 4096); }

TEST_P(GlibcDamage, CachesAreNamed) {
  const Address last = fake.cached[0] + kHeader;
  expect_named(last, (fake.cached[2] + kHeader).value ^ last.value >> 12);
  expect_named(last, 0x5a5a5a5a5a5a5a5a);
  expect_named(last + 8_B, 0);
  // The count shares its word with three others.
  const Address counts = round_down(fake.cache_count(3), 8_B);
  expect_named(counts, fake.word(counts) + (std::uint64_t{2} << 48), fake.cache_count(3));
}

TEST_P(GlibcDamage, FastBinsAreNamed) {
  if (!fake.layout().has_fast_bins()) GTEST_SKIP() << "this glibc has none";
  const Address last = fake.fast[0] + kHeader;
  expect_named(last, fake.fast[1].value ^ last.value >> 12);
  expect_named(last, 0x5a5a5a5a5a5a5a5a);
  expect_named(last, fake.live.value ^ last.value >> 12, fake.live + 8_B);
  expect_named(last, fake.cached[1].value ^ last.value >> 12, fake.cached[1] + 8_B);
}

TEST_P(GlibcDamage, TheRingIsNamedAndItsArenasAreFoundAllTheSame) {
  for (const Address arena : {fake.main_arena, fake.other_arena}) {
    const Address next = arena + fake.layout().next();
    expect_named(next, 0x5a5a5a5a5a50);
    expect_named(next, 0);
    expect_named(next, fake.main_arena.value + 64);
  }
}

TEST_P(GlibcDamage, SubHeapsAreNamed) {
  expect_named(fake.kSecond, fake.kBrk.value, fake.other_arena + fake.layout().top(), 16_KiB);
  expect_named(fake.kSecond + 8_B, 0x414141000000, fake.kSecond + 8_B, 16_KiB);
  expect_named(fake.kSecond + 8_B, fake.kSecond.value, fake.kSecond + 8_B);
  const Address system = fake.other_arena + fake.layout().system_mem();
  expect_named(system, 1 << 20);
}

TEST_P(GlibcDamage, NeighboursAreSaid) {
  fake.word(fake.small[0] + 16_B) = 0x5a5a5a5a5a5a5a5a;
  const Seen seen = look(fake);
  const Damage* const damage = seen.at(fake.small[0] + 16_B);
  ASSERT_NE(damage, nullptr) << seen.text();
  EXPECT_EQ(damage->around.itself.range, range_of(fake.small[0], 320_B));
  EXPECT_EQ(damage->around.itself.state, ChunkState::kBinned);
  EXPECT_EQ(damage->around.before.range.end, fake.small[0]);
  EXPECT_EQ(damage->around.after.range, range_of(fake.small[0] + 320_B, 64_B));
  EXPECT_EQ(damage->around.after.state, ChunkState::kLive);
}

TEST_P(GlibcDamage, WhereAThreadWasAtWorkItIsNoDamage) {
  fake.word(fake.main_arena) = 1;  // the lock
  fake.word(fake.live + 8_B) = 0x4141414141414141;
  const Seen live = look(fake);
  EXPECT_TRUE(live.damage.empty()) << live.text();
  EXPECT_EQ(live.unfinished.size(), 1u);
  // Of a core nobody can look again, and it may be the damage that made it one.
  fake.memory.own_identity.kind = TargetKind::kCore;
  const Seen core = look(fake);
  EXPECT_EQ(core.unfinished.size(), 0u);
  ASSERT_EQ(core.damage.size(), 1u);
  EXPECT_NE(core.damage.front().cause.find("in the middle of an operation"), std::string::npos);
}

TEST_P(GlibcDamage, BehindAPageThatIsNotThereTheWalkGoesOn) {
  // Of the main heap: the second page has headers of chunks that are in use.
  fake.memory.absent.insert(fake.kBrk + 4_KiB);
  const Seen seen = look(fake);
  EXPECT_GE(seen.lost, 4_KiB - 2064_B);
  EXPECT_LE(seen.lost, 4_KiB + 2064_B * 2);
  EXPECT_EQ(seen.top, whole.top);
  ASSERT_FALSE(seen.notes.empty());
  EXPECT_NE(seen.notes.back().find("could not be walked"), std::string::npos) << seen.text();
}

}  // namespace
}  // namespace strata::glibc
