// The witness is V8 itself: v8.getHeapSpaceStatistics() in the isolate at hand.
#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

// Blocks in Atomics.wait, so that no idle task gives memory back after the witness spoke. The
// worker is another isolate; it speaks for itself in lines of its own.
constexpr const char* kScript = R"(
const { Worker, isMainThread, workerData } = require('worker_threads');
const fs = require('fs');
const v8 = require('v8');
const stand = (gate, word) => {
  let text = '';
  for (const s of v8.getHeapSpaceStatistics()) text += `${word} ${s.space_name} ${s.space_size}\n`;
  fs.writeSync(1, text);
};
const program = `
  const { workerData } = require('worker_threads'); const fs = require('fs'); const v8 = require('v8');
  globalThis.keep = []; for (let i = 0; i < 60000; i++) keep.push({ a: i, b: 'w' + i });
  let text = ''; for (const s of v8.getHeapSpaceStatistics()) text += 'worker ' + s.space_name + ' ' + s.space_size + '\\n';
  fs.writeSync(1, text);
  Atomics.store(workerData, 0, 1); Atomics.notify(workerData, 0);
  Atomics.wait(workerData, 1, 0);`;
const gate = new Int32Array(new SharedArrayBuffer(8));
globalThis.keep = [];
for (let i = 0; i < 400000; i++) keep.push({ a: i, b: 'x' + i });
globalThis.large = new Array(1000000).fill(1.5);
globalThis.buffers = []; for (let i = 0; i < 10; i++) buffers.push(Buffer.alloc(1 << 20, 1));
const worker = new Worker(program, { eval: true, workerData: gate });
worker.on('online', () => {
  Atomics.wait(gate, 0, 0);
  stand(gate, 'main');
  fs.writeSync(1, 'ready\n');
  Atomics.wait(gate, 1, 0);
});
)";

TEST(V8, PagesOfBothIsolatesAreThoseThatV8Counts) {
  const auto node = find_program("node");
  if (!node) GTEST_SKIP() << "node is not installed";
  const Specimen specimen({*node, "-e", kScript});
  ASSERT_FALSE(specimen.said().empty());
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  const HeapSurvey survey = survey_v8(sight->scene());
  if (survey.claims.empty() && !survey.notes.empty()) GTEST_SKIP() << survey.notes.front();

  const auto space = [&](const std::string& name) {
    return specimen.number_after("main " + name + " ").value_or(0) +
           specimen.number_after("worker " + name + " ").value_or(0);
  };
  EXPECT_EQ(sight->claimed(survey, "V8/pages/old generation").value, space("old_space"));
  EXPECT_EQ(sight->claimed(survey, "V8/pages/large objects").value,
            space("large_object_space") + space("new_large_object_space"));
  Bytes code_pages;
  for (const Claim& claim : survey.claims) {
    if (sight->path_of(claim.account) == "V8/code" && claim.rank == Rank::kHeap) {
      code_pages += claim.range.size();
    }
  }
  EXPECT_EQ(code_pages.value, space("code_space") + space("code_large_object_space"));
  // V8 counts both halves of the new space by capacity; what is committed now is at most that.
  EXPECT_LE(sight->claimed(survey, "V8/pages/young generation").value, space("new_space"));
  EXPECT_GT(sight->claimed(survey, "V8/pages/young generation"), Bytes{});
}

TEST(V8, LiesEndInAnAnswer) {
  const auto node = find_program("node");
  if (!node) GTEST_SKIP() << "node is not installed";
  const Specimen specimen({*node, "-e", kScript});
  ASSERT_FALSE(specimen.said().empty());
  const auto sight = Sight::open(specimen.pid());
  ASSERT_NE(sight, nullptr);
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    const LyingTarget lying(*sight->process, sight->space, seed, seed % 3 == 0 ? 4 : 400);
    const PresentMemory memory(lying, sight->scanner.get());
    const HeapSurvey survey = survey_v8({sight->space, memory, sight->chart});
    for (const Claim& claim : survey.claims) EXPECT_FALSE(claim.range.empty());
    EXPECT_LT(survey.bytes_read, 200_MiB);
  }
}

TEST(V8, AProgramWithoutV8CostsNothing) {
  const auto sight = Sight::open(::getpid());
  ASSERT_NE(sight, nullptr);
  const HeapSurvey survey = survey_v8(sight->scene());
  EXPECT_TRUE(survey.claims.empty());
  EXPECT_EQ(survey.bytes_read, Bytes{});
}

}  // namespace
}  // namespace strata
