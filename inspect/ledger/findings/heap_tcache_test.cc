#include <gtest/gtest.h>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/made_heap.h"

namespace strata {
namespace {

MadeExplanation with_caches(Bytes chunk, std::uint64_t chunks) {
  MadeExplanation e;
  auto& contents = add_glibc(e, {{.live = 4_MiB}});
  e.add({.account = {"heap", "glibc", "main arena", "thread caches"}, .resident = chunk * chunks});
  MadeChunks made(Address{0x7f1000000000});
  for (std::uint64_t i = 0; i < chunks; ++i) {
    contents.tally.add(0, made.of(glibc::ChunkState::kCached, chunk), contents.heap);
  }
  contents.heap.caches = {{Address{0x1000}, 7, {1, chunk}},
                          {Address{0x2000}, 8, {chunks - 1, chunk * (chunks - 1)}}};
  return e;
}

TEST(HeapTcache, AFullCacheIsNoFinding) {
  EXPECT_FALSE(check_heap_tcache(Explanation{}));
  EXPECT_FALSE(check_heap_tcache(*with_caches(1_KiB, 1023)));
}

TEST(HeapTcache, SaysHowManyKeepHowMuchAndWhoMost) {
  const auto finding = check_heap_tcache(*with_caches(1_KiB, 2048));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->bytes, 2_MiB);
  EXPECT_EQ(finding->text,
            "Freed, and kept in 2 thread caches: 2048 chunks that only the thread itself can be "
            "given again; malloc_trim does not empty them. The fullest is (8)'s: 2.0 MiB. Each may "
            "keep 7 chunks of every size up to 1.0 KiB.");
  EXPECT_NE(finding->action.find("tcache_max=256 leaves 2.0 MiB of it"), std::string::npos);
}

TEST(HeapTcache, AdvisesFewerWhereTheyAreSmall) {
  const auto finding = check_heap_tcache(*with_caches(256_B, 8192));
  ASSERT_TRUE(finding);
  EXPECT_EQ(finding->action.find("tcache_max"), std::string::npos);
  EXPECT_NE(finding->action.find("tcache_count=2"), std::string::npos);
}

}  // namespace
}  // namespace strata
