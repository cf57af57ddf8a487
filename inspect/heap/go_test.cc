// The witness is the Go runtime itself: runtime.MemStats, and that a static Go program has no
// anonymous memory but its runtime's.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

constexpr const char* kProgram = R"(package main
import ("fmt"; "os"; "runtime"; "syscall"; "time")
type node struct { value int; next *node }
var keep [][]byte
var head *node
func main() {
  for i := 0; i < 6400; i++ {
    block := make([]byte, 16384)
    for j := range block { block[j] = 1 }
    keep = append(keep, block)
  }
  for i := 0; i < 200000; i++ { head = &node{i, head} }
  for i := 0; i < 50; i++ { go func() { time.Sleep(time.Hour) }() }
  runtime.GC()
  var m runtime.MemStats
  runtime.ReadMemStats(&m)
  os.Stdout.WriteString(fmt.Sprintf("HeapSys %d\nStackSys %d\nGCSys %d\nready\n",
    m.HeapSys, m.StackSys, m.GCSys))
  for { syscall.Pause() }
}
)";

class Go : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto go = find_program("go");
    if (!go) GTEST_SKIP() << "go is not installed";
    directory_ = std::filesystem::temp_directory_path() / fmt::format("strata-go-{}", ::getpid());
    std::filesystem::create_directories(directory_);
    std::ofstream(directory_ / "main.go") << kProgram;
    const std::string build = fmt::format(
        "cd '{0}' && HOME='{0}' GOCACHE='{0}/cache' GO111MODULE=off CGO_ENABLED=0 '{1}' build "
        "-ldflags='-s -w' -o program main.go",
        directory_.string(), *go);
    ASSERT_EQ(std::system(build.c_str()), 0);
  }
  void TearDown() override {
    if (!directory_.empty()) std::filesystem::remove_all(directory_);
  }
  std::filesystem::path directory_;
};

TEST_F(Go, ArenasAreWhatTheRuntimeCountsAndNothingIsLeftOver) {
  const Specimen specimen({(directory_ / "program").string()});
  ASSERT_FALSE(specimen.said().empty());
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  const HeapSurvey survey = survey_go(sight->scene());
  for (const std::string& note : survey.notes) ADD_FAILURE() << note;

  Bytes mapped;
  for (const Claim& claim : survey.claims) {
    if (sight->path_of(claim.account) == "Go/arenas" && claim.rank == Rank::kHeap) {
      mapped += claim.range.size();
    }
  }
  const auto heap = specimen.number_after("HeapSys");
  const auto stacks = specimen.number_after("StackSys");
  const auto collector = specimen.number_after("GCSys");
  ASSERT_TRUE(heap && stacks && collector);
  // Spans of the collector's work buffers lie in the arenas too, 32 KiB each, and are counted among
  // GCSys, which does not say how many there are.
  ASSERT_GE(mapped.value, *heap + *stacks);
  const std::uint64_t work_buffers = mapped.value - *heap - *stacks;
  EXPECT_LE(work_buffers, *collector);
  EXPECT_EQ(work_buffers % (32 << 10), 0u);

  for (const Mapping& mapping : sight->space.mappings) {
    if (mapping.has_file() || !mapping.name.empty()) continue;
    if (sight->space.find_module(mapping.range.start) != nullptr) continue;
    auto parts = sight->memory->present(mapping.range);
    ASSERT_TRUE(parts);
    for (const Range& part : *parts) {
      for (Address at = part.start; at < part.end; at = at + page_size()) {
        const bool claimed =
            std::any_of(survey.claims.begin(), survey.claims.end(),
                        [&](const Claim& claim) { return claim.range.contains(at); });
        EXPECT_TRUE(claimed) << fmt::format("{:#x}", at.value);
      }
    }
  }
}

TEST_F(Go, LiesEndInAnAnswer) {
  const Specimen specimen({(directory_ / "program").string()});
  ASSERT_FALSE(specimen.said().empty());
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    const LyingTarget lying(*sight->process, sight->space, seed, seed % 3 == 0 ? 4 : 400);
    const PresentMemory memory(lying, sight->scanner.get());
    const HeapSurvey survey = survey_go({sight->space, memory, sight->chart});
    for (const Claim& claim : survey.claims) EXPECT_FALSE(claim.range.empty());
    EXPECT_LT(survey.bytes_read, 200_MiB);
  }
}

TEST(GoAbsent, AProgramWithoutGoCostsNothing) {
  const auto sight = Sight::open(::getpid());
  ASSERT_NE(sight, nullptr);
  const HeapSurvey survey = survey_go(sight->scene());
  EXPECT_TRUE(survey.claims.empty());
  EXPECT_EQ(survey.bytes_read, Bytes{});
}

}  // namespace
}  // namespace strata
