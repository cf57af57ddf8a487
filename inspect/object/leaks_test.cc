#include "inspect/object/leaks.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "inspect/heap/glibc/heap_fake.h"
#include "inspect/object/leaks_specimen.h"
#include "inspect/target/freeze.h"

namespace strata {
namespace {

const std::vector<std::string> kDirect = {"direct", "large", "text", "holder", "held-by-freed"};
const std::vector<std::string> kIndirect = {"held-by-lost", "deep"};

/// The program, and what is found of it.
class Leaks : public testing::Test {
 protected:
  void SetUp() override {
    if (!program_.is_there()) GTEST_SKIP() << "cc cannot build here";
    auto opened = Process::open(program_.pid());
    ASSERT_TRUE(opened) << to_text(opened.error());
    process_ = std::move(*opened);
    options_.freeze_limit = std::chrono::seconds(60);
  }

  LeakReport find() const {
    auto means = probe_means();
    EXPECT_TRUE(means);
    auto report = find_leaks(*process_, *means, options_);
    if (report) return std::move(*report);
    ADD_FAILURE() << to_text(report.error());
    return {};
  }
  LeakReport find_why(const std::string& name) {
    options_.why = program_.block(name);
    return find();
  }
  static std::vector<Address> addresses(const LeakReport& report) {
    std::vector<Address> all;
    all.reserve(report.leaks.size());
    for (const FoundLeak& leak : report.leaks) all.push_back(leak.address);
    std::sort(all.begin(), all.end());
    return all;
  }
  static const FoundLeak* find_at(const LeakReport& report, Address address) {
    const auto found = std::ranges::find(report.leaks, address, &FoundLeak::address);
    return found == report.leaks.end() ? nullptr : &*found;
  }
  /// What is lost, and of the cycle the lower one.
  std::vector<Address> lost() const {
    std::vector<Address> all = program_.blocks(kDirect);
    all.push_back(program_.blocks({"cycle"}).front());
    std::sort(all.begin(), all.end());
    return all;
  }

  LeaksSpecimen program_;
  std::unique_ptr<Process> process_;
  LeakOptions options_;
};

TEST_F(Leaks, AreWhatNothingReachesAndNothingElse) {
  const LeakReport report = find();
  EXPECT_EQ(addresses(report), lost());
  EXPECT_EQ(report.direct.blocks, kDirect.size() + 1);
  EXPECT_EQ(report.indirect.blocks, kIndirect.size() + 1);
  EXPECT_GE(report.from_within.blocks, 1u);
  EXPECT_GE(report.live.blocks, report.direct.blocks + report.indirect.blocks + 12);
  EXPECT_EQ(report.left_out, 0u);
  for (const std::string& note : report.notes) ADD_FAILURE() << note;
  EXPECT_TRUE(report.frozen && !report.let_go_early);
  EXPECT_GT(report.stood.count(), 0);
}

TEST_F(Leaks, ComeWithWhatTheyHold) {
  const LeakReport report = find();
  const FoundLeak* const holder = find_at(report, program_.block("holder"));
  ASSERT_NE(holder, nullptr);
  EXPECT_EQ(holder->usable, 40_B);
  EXPECT_EQ(holder->chunk, 48_B);
  EXPECT_EQ(holder->indirect.blocks, 2u);
  EXPECT_EQ(holder->indirect.bytes, 80_B + 208_B);
  EXPECT_FALSE(holder->is_cycle);
  const FoundLeak* const cycle = find_at(report, program_.blocks({"cycle"}).front());
  ASSERT_NE(cycle, nullptr);
  EXPECT_TRUE(cycle->is_cycle);
  EXPECT_EQ(cycle->indirect.blocks, 1u);
  const FoundLeak* const direct = find_at(report, program_.block("direct"));
  ASSERT_NE(direct, nullptr);
  EXPECT_EQ(direct->indirect.blocks, 0u);
  // Largest first, what they hold included.
  EXPECT_EQ(report.leaks.front().address, program_.block("large"));
  const auto weight = [](const FoundLeak& leak) { return leak.usable + leak.indirect.bytes; };
  for (std::size_t i = 1; i < report.leaks.size(); ++i) {
    EXPECT_GE(weight(report.leaks[i - 1]), weight(report.leaks[i]));
  }
}

TEST_F(Leaks, SmallerThanIsAskedForAreCountedAlone) {
  options_.least = 200_B;
  const LeakReport report = find();
  EXPECT_EQ(addresses(report), program_.blocks({"large", "holder"}));
  EXPECT_EQ(report.direct.blocks, kDirect.size() + 1);
  EXPECT_EQ(report.left_out, kDirect.size() + 1 - 2);
}

TEST_F(Leaks, AreNotWhatAnyKindOfRootHolds) {
  const std::pair<std::string, std::string> kRoots[] = {
      {"data", "'s data"},
      {"bss", "'s data"},
      {"interior", "'s data"},
      {"mapping", "the anonymous mapping at"},
      {"mapped", "'s data"},
      {"thread-local", "main's thread-local storage"},
      {"stack", "main's stack"},
      {"thread-stack", "the stack of thread"},
#ifdef __x86_64__
      {"register", "a register of thread"},
#endif
  };
  for (const auto& [name, root] : kRoots) {
    const LeakReport report = find_why(name);
    ASSERT_EQ(report.why.size(), 1u) << name;
    EXPECT_NE(report.why[0].what.find(root), std::string::npos)
        << name << ": " << report.why[0].what;
    EXPECT_EQ(report.why[0].block, program_.block(name)) << name;
    EXPECT_EQ(report.why[0].at == Address{}, name == "register") << name;
  }
}

TEST_F(Leaks, AreNotWhatOtherBlocksHold) {
  const LeakReport chain = find_why("chain-end");
  ASSERT_EQ(chain.why.size(), 3u);
  EXPECT_EQ(chain.why[0].block, program_.block("bss"));
  EXPECT_EQ(chain.why[1].at, program_.block("bss"));
  EXPECT_EQ(chain.why[1].block, program_.block("chain"));
  EXPECT_EQ(chain.why[2].at, program_.block("chain"));
  EXPECT_EQ(chain.why[2].block, program_.block("chain-end"));
  const LeakReport in_mapped = find_why("in-mapped");
  ASSERT_EQ(in_mapped.why.size(), 2u);
  EXPECT_EQ(in_mapped.why[1].at, program_.block("mapped"));
}

TEST_F(Leaks, SayWhenNothingLeadsToABlockOrThereIsNone) {
  const LeakReport lost = find_why("direct");
  EXPECT_TRUE(lost.why.empty());
  ASSERT_EQ(lost.notes.size(), 1u);
  EXPECT_TRUE(lost.notes[0].starts_with("no root leads to the block at")) << lost.notes[0];
  const LeakReport freed = find_why("freed");
  EXPECT_TRUE(freed.why.empty());
  ASSERT_EQ(freed.notes.size(), 1u);
  EXPECT_TRUE(freed.notes[0].ends_with("is in no live block of glibc's heap")) << freed.notes[0];
}

TEST_F(Leaks, ShowTextOnlyWhereItIsAskedFor) {
  const LeakReport hidden = find();
  for (const FoundLeak& leak : hidden.leaks) EXPECT_EQ(leak.text, "");
  options_.text = LeakOptions::Text::kShow;
  const LeakReport shown = find();
  const FoundLeak* const text = find_at(shown, program_.block("text"));
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text->content.kind, ContentKind::kText);
  EXPECT_NE(text->text.find("only where it is asked for"), std::string::npos) << text->text;
}

TEST_F(Leaks, OfOneThatRunsAreCandidates) {
  options_.freeze_limit.reset();
  const LeakReport report = find();
  EXPECT_FALSE(report.frozen);
  EXPECT_EQ(report.stood.count(), 0);
  const auto found = addresses(report);
  for (const Address address : lost()) EXPECT_TRUE(std::ranges::binary_search(found, address));
}

TEST_F(Leaks, OfOneThatStandsAlreadyAreLeaks) {
  auto freeze = Freeze::prepare(*process_);
  ASSERT_TRUE(freeze) << to_text(freeze.error());
  ASSERT_TRUE(freeze->stop(std::chrono::seconds(60)));
  options_.standing = freeze->threads();
  options_.freeze_limit.reset();
  const LeakReport report = find();
  EXPECT_TRUE(report.frozen);
  EXPECT_EQ(addresses(report), lost());
}

TEST_F(Leaks, AreNotLookedForByFreezingWithoutTheMeans) {
  auto report = find_leaks(*process_, {.ptrace = false}, options_);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().cause, Cause::kUsage);
}

TEST(DamagedHeap, IsSaidToBeBesideItsLeaks) {
  const LeaksSpecimen program("damaged");
  if (!program.is_there()) GTEST_SKIP() << "cc cannot build here";
  auto process = Process::open(program.pid());
  ASSERT_TRUE(process) << to_text(process.error());
  const auto report =
      find_leaks(**process, *probe_means(), {.freeze_limit = std::chrono::seconds(60)});
  ASSERT_TRUE(report) << to_text(report.error());
  EXPECT_TRUE(std::ranges::any_of(report->notes, [](const std::string& note) {
    return note.starts_with("glibc's heap is damaged, so some of this may be wrong: ");
  }));
  // What lies before the damage is found as ever.
  const auto large = program.block("large");
  EXPECT_TRUE(std::ranges::any_of(report->leaks,
                                  [&](const FoundLeak& leak) { return leak.address == large; }));
}

TEST(NoGlibc, IsSaidToBeSo) {
  glibc::MemoryFake memory;
  memory.own_identity.kind = TargetKind::kCore;
  memory.own_identity.origin = "core.1";
  const auto report = find_leaks(memory, {}, {});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().cause, Cause::kUnsupported);
  EXPECT_TRUE(report.error().message.starts_with("no malloc of glibc's is in use in core.1"))
      << report.error().message;
}

}  // namespace
}  // namespace strata
