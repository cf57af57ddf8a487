// The witness is V8 itself: v8.getHeapSpaceStatistics() in the isolate at hand.
#include <gtest/gtest.h>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/runtime_specimen.h"

namespace strata {
namespace {

// Blocks in Atomics.wait, so that no idle task gives memory back after the witness spoke, collects
// in no thread of its own, for the same reason, and speaks when two counts in a row agree. The
// worker is another isolate; it speaks for itself in lines of its own.
constexpr const char* kScript = R"(
const { Worker, isMainThread, workerData } = require('worker_threads');
const fs = require('fs');
const v8 = require('v8');
const say = `(word) => {
  const fs = require('fs'); const v8 = require('v8');
  const count = () => v8.getHeapSpaceStatistics()
      .map((s) => word + ' ' + s.space_name + ' ' + s.space_size).join('\\n') + '\\n';
  fs.writeSync(1, '\\n');
  let text = '';
  for (let last = null; text !== last; text = count()) last = text;
  fs.writeSync(1, text);
}`;
const program = `
  const { workerData } = require('worker_threads');
  globalThis.keep = []; for (let i = 0; i < 60000; i++) keep.push({ a: i, b: 'w' + i });
  (${say})('worker');
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
  eval(say)('main');
  fs.writeSync(1, 'ready\n');
  Atomics.wait(gate, 1, 0);
});
)";

/// The node of the PATH, and those that STRATA_TEST_NODES names, separated by colons.
std::vector<std::string> nodes() {
  std::vector<std::string> all = listed_in_environment("STRATA_TEST_NODES");
  if (const auto node = find_program("node")) all.push_back(*node);
  return all;
}

void expect_as_v8_counts(const Standing& standing) {
  const auto& [specimen, sight, survey] = standing;
  expect_no_notes(survey);
  const auto space = [&said = specimen](const std::string& name) {
    return said.number_after("main " + name + " ").value_or(0) +
           said.number_after("worker " + name + " ").value_or(0);
  };
  // To say it takes memory: each of the two isolates may have taken one more page since.
  const std::uint64_t old = space("old_space") + space("trusted_space") + space("shared_space");
  const Bytes claimed = sight->claimed(survey, "V8/pages/old generation");
  EXPECT_GE(claimed.value, old);
  EXPECT_LE(claimed.value, old + 2 * (256_KiB).value);
  EXPECT_EQ(sight->claimed(survey, "V8/pages/large objects").value,
            space("large_object_space") + space("new_large_object_space") +
                space("trusted_large_object_space"));
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
  EXPECT_GT(sight->claimed(survey, "V8/pages/read-only"), Bytes{});
}

TEST(V8, PagesOfBothIsolatesAreThoseThatV8Counts) {
  if (nodes().empty()) GTEST_SKIP() << "node is not installed";
  for (const std::string& node : nodes()) {
    SCOPED_TRACE(node);
    const auto standing = stand({node, "--single-threaded-gc", "-e", kScript}, survey_v8);
    ASSERT_NE(standing, nullptr);
    expect_as_v8_counts(*standing);
  }
}

TEST(V8, AnEngineUnderAnotherNameIsRecognised) {
  if (nodes().empty()) GTEST_SKIP() << "node is not installed";
  const Scratch scratch;
  const std::string renamed = scratch.path() + "/server";
  std::filesystem::copy_file(nodes().front(), renamed);
  const auto standing = stand({renamed, "--single-threaded-gc", "-e", kScript}, survey_v8);
  ASSERT_NE(standing, nullptr);
  expect_as_v8_counts(*standing);
}

TEST(V8, LiesEndInAnAnswer) {
  if (nodes().empty()) GTEST_SKIP() << "node is not installed";
  for (const std::string& node : nodes()) {
    SCOPED_TRACE(node);
    const auto standing = stand({node, "--single-threaded-gc", "-e", kScript}, survey_v8);
    ASSERT_NE(standing, nullptr);
    expect_answers_to_lies(*standing->sight, survey_v8, 10);
    expect_answers_to_lies(*standing->sight, survey_cppgc, 5);
  }
}

TEST(V8, AProgramWithoutV8CostsNothing) {
  expect_nothing_here(survey_v8);
  expect_nothing_here(survey_cppgc);
}

}  // namespace
}  // namespace strata
