// V8's pages in each layout that is known, in memory of this process: V8 itself stands in v8_test.
#include "inspect/heap/v8_pages.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>

#include "inspect/heap/own_memory.h"
#include "inspect/heap/runtime_specimen.h"
#include "inspect/heap/v8_layout.h"

namespace strata {
namespace {

std::vector<V8Page> pages_within(Range range) {
  const auto sight = Sight::open(::getpid());
  Peek peek(sight->scene());
  std::vector<V8Page> pages = find_v8_pages(sight->space, peek).pages;
  std::erase_if(pages, [&](const V8Page& page) { return !range.contains(page.range.start); });
  return pages;
}

class V8PageLayouts : public ::testing::TestWithParam<std::size_t> {
 protected:
  const V8Layout& layout() const { return kV8Layouts[GetParam()]; }

  /// A page of `size` at `offset` that closes over space and heap.
  void make_page(Bytes offset, Bytes size, std::uint64_t flags) {
    memory_.open(offset, size);
    std::uint64_t* const header = memory_.word(offset);
    std::uint64_t* record = header;
    if (layout().apart) record = records_[made_++].data();
    const Address at = memory_.at(offset);
    record[layout().size] = size.value;
    record[layout().heap] = 0x123450;
    record[layout().area_start] = at.value + 0x110;
    record[layout().area_end] = at.value + size.value;
    record[layout().allocated] = size.value / 2;
    record[layout().high_water] = size.value;
    record[layout().owner] = reinterpret_cast<std::uint64_t>(space_.data());
    record[layout().reservation] = at.value;
    record[layout().reservation + 1] = size.value;
    header[layout().apart ? 0 : layout().flags] = flags;
    if (layout().apart) header[1] = reinterpret_cast<std::uint64_t>(record);
    if (layout().self) header[1] = at.value;
  }
  /// What make_page() wrote last, where the record is apart, or the page's own words.
  std::uint64_t* record(Bytes offset) {
    return layout().apart ? records_[made_ - 1].data() : memory_.word(offset);
  }

  OwnMemory memory_{16_MiB, 4_MiB};
  std::array<std::uint64_t, 2> space_{0, 0x123450};
  std::array<std::array<std::uint64_t, kV8RecordWords>, 8> records_ = {};
  std::size_t made_ = 0;
};

TEST_P(V8PageLayouts, PagesAreFoundWithTheirKinds) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "under the thread sanitizer no page is found here, and why is not known";
#endif
  make_page(1_MiB, kV8PageUnit, 4);
  make_page(2_MiB, kV8PageUnit, kV8ToPage);
  make_page(3_MiB, 1_MiB + 8_KiB, 4 | kV8LargeMarks[0]);
  make_page(5_MiB, 100_KiB, 4 | kV8LargeMarks[0]);
  const auto pages = pages_within(memory_.range());
  ASSERT_EQ(pages.size(), 4u);
  EXPECT_EQ(pages[0].kind, V8PageKind::kOld);
  EXPECT_EQ(pages[1].kind, V8PageKind::kYoung);
  EXPECT_EQ(pages[2].kind, V8PageKind::kLarge);
  EXPECT_EQ(pages[2].range, range_of(memory_.at(3_MiB), 1_MiB + 8_KiB));
  EXPECT_EQ(pages[3].kind, V8PageKind::kLarge);
}

TEST_P(V8PageLayouts, ASpaceOfAnotherHeapIsNone) {
  make_page(1_MiB, kV8PageUnit, 4);
  space_[1] = 0x999990;
  EXPECT_TRUE(pages_within(memory_.range()).empty());
}

TEST_P(V8PageLayouts, AReservationOfAnotherPageIsNone) {
  make_page(1_MiB, kV8PageUnit, 4);
  record(1_MiB)[layout().reservation] += 8;
  EXPECT_TRUE(pages_within(memory_.range()).empty());
}

INSTANTIATE_TEST_SUITE_P(All, V8PageLayouts, ::testing::Range(std::size_t{0}, kV8Layouts.size()));

class V8Cage : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!memory_.is_there()) GTEST_SKIP() << "no room for a cage";
  }
  std::uint64_t* make_page(std::uint64_t unit, std::uint64_t flags, std::uint64_t units = 1) {
    const Bytes offset = kV8PageUnit * unit;
    memory_.open(offset, kV8PageUnit * units);
    std::uint64_t* const header = memory_.word(offset);
    header[0] = flags;
    header[1] = unit;
    return header;
  }
  OwnMemory memory_{kV8Cage, kV8Cage};
};

TEST_F(V8Cage, PagesThatNumberTheirPlaceAreFound) {
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "under the thread sanitizer no page is found here, and why is not known";
#endif
  make_page(0x40, 4);
  make_page(0x41, kV8FromPage | 2);
  make_page(0x50, 4 | kV8LargeMarks[0], 5);
  make_page(0x55, 4);
  make_page(0x60, 0);
  memory_.open(kV8PageUnit * 0x60, kV8PageUnit, PROT_READ);
  const auto pages = pages_within(memory_.range());
  ASSERT_EQ(pages.size(), 5u);
  EXPECT_EQ(pages[0].kind, V8PageKind::kOld);
  EXPECT_EQ(pages[0].range.size(), kV8PageUnit);
  EXPECT_EQ(pages[1].kind, V8PageKind::kYoung);
  EXPECT_EQ(pages[2].kind, V8PageKind::kLarge);
  EXPECT_EQ(pages[2].range.size(), kV8PageUnit * 5);
  EXPECT_EQ(pages[3].kind, V8PageKind::kOld);
  EXPECT_EQ(pages[4].kind, V8PageKind::kReadOnly);
}

TEST_F(V8Cage, TwoRightNumbersMayBeChance) {
  make_page(0x40, 4);
  make_page(0x42, 4);
  EXPECT_TRUE(pages_within(memory_.range()).empty());
}

TEST_F(V8Cage, WrongNumbersAreNoPages) {
  for (std::uint64_t unit = 0x40; unit < 0x50; unit += 2) make_page(unit, 4)[1] = unit + 1;
  EXPECT_TRUE(pages_within(memory_.range()).empty());
}

}  // namespace
}  // namespace strata
