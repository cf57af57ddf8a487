#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_heap.h"

namespace strata {
namespace {

using glibc::ChunkState;

/// A main arena in the brk area: 1 MiB live, `free`, `held`, a top.
MadeExplanation with_chunks(Bytes free, Bytes held, Bytes resident, std::string label = "[heap]",
                            Bytes trim_threshold = 128_KiB) {
  constexpr Bytes kTop = 64_KiB;
  MadeExplanation e;
  auto& contents = add_glibc(e, {{}});
  contents.heap.parameters->trim_threshold = trim_threshold;
  e.add({.account = {"heap", "glibc", "main arena", "live"}, .resident = 1_MiB + held});
  e.add({.account = {"heap", "glibc", "main arena", "free", "releasable"},
         .resident = resident,
         .size = free});
  const Bytes size = 1_MiB + free + held + kTop;
  e.add({.account = {"heap", "glibc", "main arena", "top", "pinned"},
         .resident = 4_KiB,
         .size = size,
         .name = std::move(label)});
  const Range chunks = e->space.mappings.back().range;
  glibc::Arena& arena = contents.heap.arenas[0];
  arena.regions.push_back({chunks, chunks, ""});
  arena.top = chunks.end - kTop;
  MadeChunks made(chunks.start);
  for (const auto& [state, bytes] :
       {std::pair{ChunkState::kLive, 1_MiB}, std::pair{ChunkState::kBinned, free},
        std::pair{ChunkState::kLive, held}, std::pair{ChunkState::kTop, kTop}}) {
    contents.tally.add(0, made.of(state, bytes), contents.heap);
  }
  return e;
}

TEST(HeapStuckUnderTop, NamesTheChunk) {
  auto e = with_chunks(4_MiB, 1008_B, 4_MiB);
  const auto finding = check_heap_stuck_under_top(*e);
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 4_MiB);
  const Address chunk = e->glibc->heap.arenas[0].top - 1008_B;
  EXPECT_TRUE(finding->text.starts_with(
      fmt::format("Free below one chunk near the heap's top, at {:#x} (1008 bytes, live).",
                  (chunk + 16_B).value)))
      << finding->text;
  EXPECT_EQ(finding->saves,
            "3.9 MiB (all but top_pad), once that chunk is freed and in no thread's cache.");
}

TEST(HeapStuckUnderTop, CountsWhatIsResidentForSure) {
  auto e = with_chunks(4_MiB, 1008_B, 1_MiB);
  ASSERT_TRUE(check_heap_stuck_under_top(*e));
  EXPECT_EQ(check_heap_stuck_under_top(*e)->bytes, 1_MiB);
}

TEST(HeapStuckUnderTop, SilentWhereItWouldNotGoByItselfAnyway) {
  EXPECT_FALSE(check_heap_stuck_under_top(*with_chunks(4_MiB, 1_MiB, 4_MiB))) << "a heap in use";
  EXPECT_FALSE(check_heap_stuck_under_top(*with_chunks(4_MiB, 1008_B, 4_MiB, "")))
      << "brk ends elsewhere";
  EXPECT_FALSE(check_heap_stuck_under_top(*with_chunks(4_MiB, 1008_B, 4_MiB, "[heap]", 40_MiB)))
      << "below the threshold it stays as the top";
}

}  // namespace
}  // namespace strata
