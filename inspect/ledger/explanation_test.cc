// A process that states what it did, explained; the kernel's counters are the judge.
#include "inspect/ledger/explanation.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "inspect/ledger/place.h"
#include "inspect/ledger/witnesses.h"
#include "inspect/target/process.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

struct Stated {
  std::atomic<int> ready;
  std::atomic<std::uint64_t> anonymous, zero, memfd, edge;
};

constexpr std::size_t kWritten = 300, kRead = 40, kHidden = 25;

std::size_t page() { return page_size().value; }

char* map_pages(std::size_t pages, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1) {
  void* const at = mmap(nullptr, pages * page(), PROT_READ | PROT_WRITE, flags, fd, 0);
  if (at == MAP_FAILED) _exit(9);
  madvise(at, pages * page(), MADV_NOHUGEPAGE);
  return static_cast<char*>(at);
}

class ExplanationTest : public testing::Test {
 protected:
  ExplanationTest()
      : child_([this] {
          char* const a = map_pages(1000);
          for (std::size_t i = 0; i < kWritten; ++i) a[i * page()] = 'w';
          char* const z = map_pages(100);
          for (std::size_t i = 0; i < kRead; ++i) {
            static_cast<void>(static_cast<volatile char*>(z)[i * page()]);
          }
          const int shown = memfd_create("shown", 0), hidden = memfd_create("hidden", 0);
          if (ftruncate(shown, 8192) != 0) _exit(9);
          char* const m = map_pages(2, MAP_SHARED, shown);
          m[0] = 'm';
          const std::string bytes(page(), 'h');
          for (std::size_t i = 0; i < kHidden; ++i) {
            if (write(hidden, bytes.data(), bytes.size()) < 0) _exit(9);
          }
          stated_->anonymous = reinterpret_cast<std::uint64_t>(a);
          stated_->zero = reinterpret_cast<std::uint64_t>(z);
          stated_->memfd = reinterpret_cast<std::uint64_t>(m);
          stated_->ready = 1;
          for (;;) pause();
        }) {
    ready_ = test::eventually([&] { return stated_->ready.load() == 1; }) &&
             test::eventually([&] { return test::states(child_.pid()) == "S"; });
    process_ = Process::open(child_.pid()).value();
  }

  Means means(const char* without) {
    setenv("STRATA_WITHOUT", without, 1);
    auto probed = probe_means();
    unsetenv("STRATA_WITHOUT");
    return probed.value();
  }

  test::Shared<Stated> stated_;
  test::Child child_;
  bool ready_ = false;
  std::unique_ptr<Process> process_;
};

TEST_F(ExplanationTest, TheSumIsWhatTheKernelCounted) {
  ASSERT_TRUE(ready_);
  for (const char* without : {"", "pagemap_scan", "pagemap_scan,smaps"}) {
#ifdef __SANITIZE_ADDRESS__
    // Its shadow is 15 TiB with something in it: entry by entry that is 32 GB of pagemap.
    if (*without != '\0') continue;
#endif
    const Means by = means(without);
    auto e = explain(*process_, by, {});
    ASSERT_TRUE(e) << to_text(e.error());
    const Reconciliation& r = e->reconciliation;
    ASSERT_TRUE(r.resident);
    EXPECT_EQ(r.sum, e->ledger.sum().resident);
    EXPECT_EQ(r.remainder, difference(r.sum, *r.resident));
    EXPECT_EQ(r.remainder == 0, r.cause.empty()) << r.cause;
    const bool sees_zero = by.pagemap_scan || by.frames;
    if (resident_is_exact() && sees_zero) EXPECT_EQ(r.remainder, 0) << without << " " << r.cause;
    // The same bytes, mapping by mapping.
    Measure by_mapping;
    for (const MappingEntry& entry : e->mappings) by_mapping.add(entry.measure);
    EXPECT_EQ(by_mapping.resident, e->ledger.sum().resident);
    EXPECT_EQ(by_mapping.virtual_size, e->ledger.sum().virtual_size);
    EXPECT_EQ(by_mapping.zero, e->ledger.sum().zero);
    Bytes mapped;
    for (const Mapping& m : e->space.mappings) mapped += m.range.size();
    EXPECT_EQ(mapped, e->ledger.sum().virtual_size);
    if (by.pagemap_scan) EXPECT_GE(e->ledger.sum().zero, Bytes{kRead * page()});
    for (const Witness& w : e->witnesses) {
      EXPECT_FALSE(w.name.empty());
      if (!w.value) EXPECT_FALSE(w.why.empty()) << w.name;
      if (w.exact && w.value && r.remainder == 0) EXPECT_EQ(*w.value, r.sum) << w.name;
    }
    EXPECT_GE(e->witnesses.size(), 6u);
  }
}

TEST_F(ExplanationTest, WhatLiesBesideIsCounted) {
  ASSERT_TRUE(ready_);
  auto e = explain(*process_, means(""), {});
  ASSERT_TRUE(e) << to_text(e.error());
  // The one that is mapped, and those that the test itself holds, do not count.
  EXPECT_EQ(e->beside.unmapped_memfds, Bytes{kHidden * page()});
  EXPECT_EQ(e->beside.kernel_stacks, 16_KiB);
  ASSERT_TRUE(e->beside.page_tables);
  EXPECT_GT(*e->beside.page_tables, 0_B);
}

TEST_F(ExplanationTest, RunsAreKeptWhereAskedForAndAddUp) {
  ASSERT_TRUE(ready_);
  ExplainOptions options;
  EXPECT_TRUE(explain(*process_, means(""), options)->runs.empty());
  options.runs = ExplainOptions::Runs::kKeep;
  auto e = explain(*process_, means(""), options);
  ASSERT_TRUE(e);
  Bytes resident;
  Address last;
  for (const PageRun& run : e->runs) {
    EXPECT_GE(run.range.start, last);
    last = run.range.end;
    if (run.resident()) resident += run.range.size();
  }
  EXPECT_EQ(resident, e->ledger.sum().resident);
}

TEST_F(ExplanationTest, APlaceIsSeenThroughAllLayers) {
  ASSERT_TRUE(ready_);
  const Address written{stated_->anonymous.load()};
  auto p = find_place(*process_, means(""), written + 5_B, {});
  ASSERT_TRUE(p) << to_text(p.error());
  EXPECT_TRUE(p->mapping.range.contains(written));
  ASSERT_FALSE(p->layers.empty());
  for (const Place::Layer& layer : p->layers) EXPECT_TRUE(layer.range.contains(written + 5_B));
  ASSERT_TRUE(p->frame && p->walk);
  EXPECT_TRUE(p->frame->flags.has(PageFlag::kPresent));
  EXPECT_EQ(p->walk->offset, 5u);
  EXPECT_TRUE(p->content.empty()) << "contents were shown without being asked for";
  auto memfd = find_place(*process_, means(""), Address{stated_->memfd.load()}, {});
  ASSERT_TRUE(memfd);
  EXPECT_EQ(memfd->layers.back().account, (std::vector<std::string>{"mapped", "memfd", "shown"}));
}

TEST_F(ExplanationTest, ShowingAPlaceMakesNoPageResident) {
  ASSERT_TRUE(ready_);
  PlaceOptions show;
  show.content = PlaceOptions::Content::kShow;
  const Means by = means("");
  // The last bytes of the last written page: the 64 bytes reach into one that is not there.
  const Address edge = Address{stated_->anonymous.load()} + Bytes{kWritten * page() - 10};
  auto p = find_place(*process_, by, edge, show);
  ASSERT_TRUE(p) << to_text(p.error());
  EXPECT_EQ(p->content.size(), 10u);
  auto first = find_place(*process_, by, Address{stated_->anonymous.load()}, show);
  ASSERT_TRUE(first);
  ASSERT_EQ(first->content.size(), 64u);
  EXPECT_EQ(first->content[0], std::byte{'w'});
  const Address absent = Address{stated_->anonymous.load()} + Bytes{(kWritten + 5) * page()};
  for (int twice = 0; twice < 2; ++twice) {
    auto nothing = find_place(*process_, by, absent, show);
    ASSERT_TRUE(nothing);
    EXPECT_TRUE(nothing->content.empty());
    EXPECT_FALSE(nothing->notes.empty());
    EXPECT_FALSE(nothing->frame->flags.has(PageFlag::kPresent));
  }
  auto behind = find_place(*process_, by, edge + 20_B, {});
  ASSERT_TRUE(behind);
  EXPECT_FALSE(behind->frame->flags.has(PageFlag::kPresent)) << "showing made the next page";
}

TEST_F(ExplanationTest, WhereNothingIsMappedTheNeighboursAreNamed) {
  ASSERT_TRUE(ready_);
  auto nothing = find_place(*process_, means(""), Address{0x10}, {});
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().cause, Cause::kNotFound);
  EXPECT_NE(to_text(nothing.error()).find("the mapping above starts at"), std::string::npos);
  auto beyond = find_place(*process_, means(""), Address{~0ull}, {});
  ASSERT_FALSE(beyond);
  EXPECT_NE(to_text(beyond.error()).find("the mapping below ends at"), std::string::npos);
}

TEST_F(ExplanationTest, OfAProcessThatEndedIsAnError) {
  ASSERT_TRUE(ready_);
  kill(child_.pid(), SIGKILL);
  child_.end();
  auto e = explain(*process_, means(""), {});
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().cause, Cause::kGone);
}

}  // namespace
}  // namespace strata
