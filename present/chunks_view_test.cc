#include "present/chunks_view.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "inspect/heap/glibc/blocks.h"
#include "present/json.h"
#include "present/text.h"

namespace strata {
namespace {

using glibc::ChunkState;
using Json = nlohmann::json;

constexpr Address kMain{0x5580000000};
constexpr Address kSecond{0x7f0000000000};

/// Two arenas, the second one's region above the first one's, and three mmapped chunks: below,
/// between and above them.
class ChunksViewTest : public testing::Test {
 protected:
  ChunksViewTest() {
    e_.identity.name = "x\x1b[2J";
    e_.identity.pid = 42;
    glibc::Heap heap;
    for (const Address start : {kMain, kSecond}) {
      glibc::Arena arena;
      arena.name = start == kMain ? "main arena" : "arena 1";
      const Range range = range_of(start, 1_MiB);
      arena.regions.push_back({range, range, ""});
      heap.arenas.push_back(arena);
    }
    for (const Address start : {kMain - 8_KiB, kMain + 1_GiB, kSecond + 1_GiB}) {
      heap.mmapped.chunks.push_back(range_of(start, 8_KiB));
      heap.mmapped.headers.push_back(start);
    }
    heap.mmapped.headers[1] = heap.mmapped.headers[1] + 4080_B;  // memalign() made it
    e_.glibc = std::make_shared<glibc::Contents>(std::move(heap));
    e_.glibc->tape = glibc::ChunkTape();
    begin(0, kMain);
    pass(ChunkState::kLive, 48_B);
    pass(ChunkState::kCached, 32_B);
    pass(ChunkState::kFast, 64_B);
    pass(ChunkState::kBinned, 1040_B);
    pass(ChunkState::kLost, 4_KiB);
    pass(ChunkState::kTop, 512_KiB);
    begin(1, kSecond);
    pass(ChunkState::kLive, 1_MiB - 16_B);
    pass(ChunkState::kFence, 16_B);
  }
  std::string text(std::optional<std::size_t> arena = {}) const {
    return to_text(view(e_, ChunksView{arena}), TextStyle{});
  }
  Json chunks(std::optional<std::size_t> arena = {}) const {
    return Json::parse(to_json(view(e_, ChunksView{arena})))["chunks"];
  }

  Explanation e_;

 private:
  void begin(std::size_t arena, Address start) {
    arena_ = arena;
    at_ = start;
    e_.glibc->tape.begin(arena, start);
  }
  void pass(ChunkState state, Bytes size) {
    const glibc::Chunk chunk{range_of(at_, size), state};
    at_ = at_ + size;
    e_.glibc->tally.add(arena_, chunk, e_.glibc->heap);
    e_.glibc->tape.pass(chunk);
  }

  std::size_t arena_ = 0;
  Address at_;
};

TEST_F(ChunksViewTest, ListsChunksOfAllKindsByAddress) {
  e_.notes = {"a note"};
  e_.glibc->heap.damage.push_back({kMain, "it is broken", "a cause", {}, {}});
  EXPECT_EQ(text(),
            "x\\x1B[2J (42): 10 chunks and 1 gap that was not walked, by address; bytes include "
            "headers\n"
            "         ADDRESS    BYTES  STATE         ARENA\n"
            "    0x557fffe010     8192  mmapped       -\n"
            "    0x5580000010       48  live          main arena\n"
            "    0x5580000040       32  thread cache  main arena\n"
            "    0x5580000060       64  fast bin      main arena\n"
            "    0x55800000a0     1040  free          main arena\n"
            "    0x55800004a0     4096  not walked    main arena\n"
            "    0x55800014b0   524288  top           main arena\n"
            "    0x55c0001000     8192  mmapped       -\n"
            "  0x7f0000000010  1048560  live          arena 1\n"
            "  0x7f0000100000       16  fence         arena 1\n"
            "  0x7f0040000010     8192  mmapped       -\n"
            "\nDamage\n"
            "  at 0x5580000000: it is broken\n"
            "    what usually does that: a cause\n"
            "\nNot seen\n"
            "  a note\n");
}

TEST_F(ChunksViewTest, JsonHasTheHeapBesideThem) {
  const Json listed = chunks();
  ASSERT_EQ(listed.size(), 11u);
  EXPECT_EQ(listed[0], Json::parse(R"({"address": "0x557fffe010", "bytes": 8192,
                                       "state": "mmapped", "arena": null})"));
  EXPECT_EQ(listed[2], Json::parse(R"({"address": "0x5580000040", "bytes": 32,
                                       "state": "thread cache", "arena": 0})"));
  EXPECT_EQ(listed[9]["arena"], 1);
  const Json j = Json::parse(to_json(view(e_, ChunksView{})));
  for (const char* const key : {"schema", "target", "arenas", "totals", "sizes", "holes", "mmapped",
                                "tcache", "tunables", "damage", "unfinished", "notes"}) {
    EXPECT_TRUE(j.contains(key)) << key;
  }
  EXPECT_EQ(j["totals"]["live_chunks"], 2);
  EXPECT_FALSE(j["sizes"].empty());
}

TEST_F(ChunksViewTest, OfOneArenaOnlyItsOwn) {
  EXPECT_EQ(text(1),
            "x\\x1B[2J (42): 2 chunks of arena 1, by address; bytes include headers\n"
            "         ADDRESS    BYTES  STATE         ARENA\n"
            "  0x7f0000000010  1048560  live          arena 1\n"
            "  0x7f0000100000       16  fence         arena 1\n");
  EXPECT_EQ(chunks(1).size(), 2u);
  EXPECT_EQ(chunks(0).size(), 6u);
}

TEST_F(ChunksViewTest, AHeapWithoutChunksIsAnEmptyList) {
  e_.glibc->tape = glibc::ChunkTape();
  e_.glibc->tally = glibc::Tally(2);
  EXPECT_EQ(text(0), "x\\x1B[2J (42): 0 chunks of main arena, by address; bytes include headers\n");
  EXPECT_EQ(chunks(0), Json::array());
  EXPECT_EQ(chunks().size(), 3u);
}

}  // namespace
}  // namespace strata
