// Every reader over a memory in which seeded words lie: it must end, stay within its budget and
// claim nothing outside the mappings.
#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/lying_target.h"
#include "inspect/heap/running_allocator.h"
#include "inspect/page/page_scanner.h"
#include "inspect/target/means.h"

namespace strata {
namespace {

void expect_unharmed(const std::string& preload) {
  std::string why;
  const auto program = RunningAllocator::start({.preload = preload, .build = ""}, why);
  if (!program) GTEST_SKIP() << why;
  auto process = Process::open(program->pid());
  ASSERT_TRUE(process);
  auto scanner = PageScanner::open(**process, *probe_means());
  ASSERT_TRUE(scanner);
  auto space = read_space(PresentMemory(**process, &*scanner));
  ASSERT_TRUE(space);
  std::uint64_t seed = 1;
  std::size_t claims = 0;
  for (const std::uint64_t rarity : {2, 10, 100, 1000, 10000, 1000000}) {
    for (int round = 0; round < 4; ++round, ++seed) {
      const LyingTarget liar(**process, *space, seed, rarity);
      const PresentMemory memory(liar, &*scanner);
      for (const auto reader : {survey_glibc, survey_jemalloc, survey_tcmalloc, survey_mimalloc,
                                survey_partitionalloc}) {
        Chart chart;
        const HeapSurvey survey = reader({*space, memory, chart});
        EXPECT_LE(survey.bytes_read, 272_MiB) << "seed " << seed;
        claims += survey.claims.size();
        for (const Claim& claim : survey.claims) {
          EXPECT_FALSE(claim.range.empty()) << "seed " << seed;
          EXPECT_NE(space->find_mapping(claim.range.start), nullptr) << "seed " << seed;
          EXPECT_NE(space->find_mapping(claim.range.end - 1_B), nullptr) << "seed " << seed;
        }
      }
    }
  }
  // Rare lies leave enough to recognise, or the lies above met nobody.
  EXPECT_GT(claims, 0u);
}

TEST(HostileMemory, GlibcReaderEndsOnLies) { expect_unharmed(""); }
TEST(HostileMemory, JemallocReaderEndsOnLies) { expect_unharmed("libjemalloc.so.2"); }
TEST(HostileMemory, TcmallocReaderEndsOnLies) { expect_unharmed("libtcmalloc_minimal.so.4"); }
TEST(HostileMemory, MimallocReaderEndsOnLies) { expect_unharmed("libmimalloc.so.2"); }

}  // namespace
}  // namespace strata
