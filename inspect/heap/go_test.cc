// The witness is the Go runtime itself: runtime.MemStats, and that a static Go program has no
// anonymous memory but its runtime's.
#include <gtest/gtest.h>

#include <algorithm>
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
    scratch_.write("main.go", kProgram);
    ASSERT_TRUE(scratch_.run(
        fmt::format("HOME=$PWD GOCACHE=$PWD/cache GO111MODULE=off CGO_ENABLED=0 '{}' build "
                    "-ldflags='-s -w' -o program main.go",
                    *go)));
    program_ = scratch_.path() + "/program";
  }
  Scratch scratch_;
  std::string program_;
};

TEST_F(Go, ArenasAreWhatTheRuntimeCountsAndNothingIsLeftOver) {
  const auto standing = stand({program_}, survey_go);
  ASSERT_NE(standing, nullptr);
  const auto& [specimen, sight, survey] = *standing;
  expect_no_notes(survey);

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

TEST_F(Go, AProgramWhoseSectionHeadersWereCutOffIsRecognised) {
  // e_shoff and e_shnum: what tells of sections in an ELF header.
  std::fstream file(program_, std::ios::in | std::ios::out | std::ios::binary);
  const char nothing[8] = {};
  file.seekp(0x28).write(nothing, 8);
  file.seekp(0x3c).write(nothing, 4);
  file.close();
  const auto standing = stand({program_}, survey_go);
  ASSERT_NE(standing, nullptr);
  expect_no_notes(standing->survey);
  EXPECT_GE(standing->sight->claimed(standing->survey, "Go/arenas").value,
            standing->specimen.number_after("HeapSys").value_or(~0ull));
}

TEST_F(Go, LiesEndInAnAnswer) {
  const auto standing = stand({program_}, survey_go);
  ASSERT_NE(standing, nullptr);
  expect_answers_to_lies(*standing->sight, survey_go);
}

TEST(GoAbsent, AProgramWithoutGoCostsNothing) { expect_nothing_here(survey_go); }

}  // namespace
}  // namespace strata
