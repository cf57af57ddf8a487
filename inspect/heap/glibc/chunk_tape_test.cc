#include "inspect/heap/glibc/chunk_tape.h"

#include <gtest/gtest.h>

#include <random>

namespace strata::glibc {
namespace {

class Recorder {
 public:
  explicit Recorder(Bytes most = ChunkTape::kMost) : tape(most) {}

  void begin(std::size_t arena, Address start) {
    arena_ = arena;
    at_ = start;
    tape.begin(arena, start);
  }
  void pass(ChunkState state, Bytes size) {
    passed.push_back({arena_, {range_of(at_, size), state}});
    tape.pass(passed.back().chunk);
    at_ = at_ + size;
  }
  /// Plays as many of those that passed as are on the tape.
  void expect_played() const {
    ChunkTape::Player player(tape, fast);
    ASSERT_LE(tape.size(), passed.size());
    ChunkTape::Entry entry;
    for (std::uint64_t i = 0; i < tape.size(); ++i) {
      ASSERT_TRUE(player.next(entry)) << i;
      ASSERT_EQ(entry.arena, passed[i].arena) << i;
      ASSERT_EQ(entry.chunk.range, passed[i].chunk.range) << i;
      ASSERT_EQ(entry.chunk.state, passed[i].chunk.state) << i;
    }
    EXPECT_FALSE(player.next(entry));
    EXPECT_FALSE(player.next(entry));
  }

  ChunkTape tape;
  GranuleSet fast;
  std::vector<ChunkTape::Entry> passed;

 private:
  std::size_t arena_ = 0;
  Address at_;
};

TEST(ChunkTape, NothingPassedNothingIsPlayed) {
  Recorder recorder;
  recorder.expect_played();
  recorder.begin(3, Address{0x1000});
  recorder.expect_played();
  EXPECT_EQ(recorder.tape.cost(), 0_B);
}

TEST(ChunkTape, PlaysEverySizeInEveryState) {
  Recorder recorder;
  recorder.begin(0, Address{0x10000});
  std::vector<Bytes> sizes;
  for (unsigned bits = 4; bits < 47; ++bits) {
    for (const int off : {-16, 0, 16}) {
      const std::uint64_t size = (std::uint64_t{1} << bits) + static_cast<std::uint64_t>(off);
      if (size > 0) sizes.push_back(Bytes{size});
    }
  }
  for (std::size_t state = 0; state < kChunkStates; ++state) {
    for (const Bytes size : sizes) recorder.pass(static_cast<ChunkState>(state), size);
  }
  EXPECT_EQ(recorder.tape.size(), sizes.size() * kChunkStates);
  recorder.expect_played();
}

TEST(ChunkTape, PlaysSizesThatNoSoundHeapHas) {
  Recorder recorder;
  recorder.begin(0, Address{0x10008});
  for (const std::uint64_t size : {1ull, 8ull, 17ull, 4097ull, (1ull << 46) + 9}) {
    recorder.pass(ChunkState::kLost, Bytes{size});
    recorder.pass(ChunkState::kLive, 48_B);
  }
  recorder.expect_played();
}

TEST(ChunkTape, KeepsRegionsApart) {
  Recorder recorder;
  recorder.begin(0, Address{0x10000});
  recorder.pass(ChunkState::kLive, 32_B);
  recorder.pass(ChunkState::kTop, 128_KiB);
  recorder.begin(5, Address{0x7f0000000000});  // none of its chunks passes
  recorder.begin(2, Address{0x7f0000001000});
  recorder.pass(ChunkState::kFast, 64_B);
  recorder.begin(1, Address{0x20000});
  recorder.pass(ChunkState::kFence, 16_B);
  recorder.expect_played();
}

TEST(ChunkTape, AByteOrTwoForAChunk) {
  std::mt19937_64 random(7);
  Recorder recorder;
  recorder.begin(0, Address{0x10000});
  constexpr std::uint64_t kChunks = 1'500'000;
  for (std::uint64_t i = 0; i < kChunks; ++i) {
    recorder.pass(static_cast<ChunkState>(random() % kChunkStates), Bytes{16 + random() % 25 * 16});
  }
  recorder.expect_played();
  EXPECT_LE(recorder.tape.cost(), Bytes{kChunks * 2} + 1_MiB);
}

TEST(ChunkTape, EndsWhereItIsFull) {
  Recorder recorder(2_MiB);
  recorder.begin(0, Address{0x10000});
  for (int i = 0; i < 1'500'000; ++i) recorder.pass(ChunkState::kLive, 512_B);
  EXPECT_TRUE(recorder.tape.is_cut());
  EXPECT_EQ(recorder.tape.cost(), 2_MiB);
  const std::uint64_t size = recorder.tape.size();
  EXPECT_GT(size, (2_MiB - 64_B).value / 2);
  // What passes later is not put where there would still be room for it.
  recorder.begin(1, Address{0x90000000});
  recorder.pass(ChunkState::kLive, 32_B);
  EXPECT_EQ(recorder.tape.size(), size);
  recorder.expect_played();
  EXPECT_FALSE(Recorder().tape.is_cut());
}

}  // namespace
}  // namespace strata::glibc
