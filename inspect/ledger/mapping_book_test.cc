#include "inspect/ledger/mapping_book.h"

#include <gtest/gtest.h>

#include <random>

namespace strata {
namespace {

Range range(std::uint64_t start, std::uint64_t end) { return {Address{start}, Address{end}}; }

std::vector<Mapping> mappings(std::initializer_list<Range> ranges) {
  std::vector<Mapping> out;
  for (const Range& r : ranges) {
    out.emplace_back().range = r;
    out.back().readable = true;
  }
  return out;
}

class MappingBookTest : public testing::Test {
 protected:
  void book(Range r, AccountId account, PageFlag flag = PageFlag::kPresent,
            Rank rank = Rank::kMapping) {
    PageFlags flags;
    flags.set(flag);
    const Claim piece{r, account, EvidenceId::kNone, rank};
    book_->book_mapped(piece);
    book_->book_pages(piece, r, flags);
  }
  void open(std::initializer_list<Range> ranges) {
    mappings_ = mappings(ranges);
    book_.emplace(mappings_, chart_);
  }

  std::vector<Mapping> mappings_;
  std::optional<MappingBook> book_;
  Chart chart_;
  AccountId a_ = chart_.open({"top", "a"}), b_ = chart_.open({"top", "b"}), c_ = chart_.open({"c"});
  AccountId top_ = chart_.open({"top"});
};

TEST_F(MappingBookTest, SplitsAPieceAmongTheMappingsThatItSpans) {
  open({range(0, 10), range(10, 30), range(50, 60)});
  book(range(0, 25), a_);
  book(range(25, 30), b_, PageFlag::kSwapped);
  book(range(50, 60), c_);
  const auto entries = book_->finish();
  ASSERT_EQ(entries.size(), 3u);
  EXPECT_EQ(entries[0].measure.resident, 10_B);
  EXPECT_EQ(entries[1].measure.resident, 15_B);
  EXPECT_EQ(entries[1].measure.swapped, 5_B);
  EXPECT_EQ(entries[1].measure.virtual_size, 20_B);
  EXPECT_EQ(entries[2].measure.resident, 10_B);
}

TEST_F(MappingBookTest, AMappingsPurposeIsTheDeepestAccountThatNearlyAllIsUnder) {
  open({range(0, 100), range(100, 200), range(200, 300), range(300, 400)});
  book(range(0, 97), a_);  // a little of another does not change it
  book(range(97, 100), c_);
  book(range(100, 160), a_);  // two of one family
  book(range(160, 200), b_);
  book(range(200, 260), a_);  // nothing in common: what most of it is
  book(range(260, 300), c_);
  const auto entries = book_->finish();
  EXPECT_EQ(entries[0].purpose, a_);
  EXPECT_EQ(entries[1].purpose, top_);
  EXPECT_EQ(entries[2].purpose, a_);
  EXPECT_EQ(entries[3].purpose, AccountId::kRoot);  // nothing was said of it
  EXPECT_EQ(entries[3].measure.virtual_size, 0_B);
}

TEST_F(MappingBookTest, AStacksPurposeIsTheWholeStackHoweverLittleOfItIsUsed) {
  const AccountId own = chart_.open({"stacks", "a"});
  const AccountId guard = chart_.open({"stacks", "a", "guard"});
  const AccountId below = chart_.open({"stacks", "a", "below the stack pointer"});
  const AccountId used = chart_.open({"stacks", "a", "used"});
  const AccountId touched = chart_.open({"stacks", "b", "touched"});
  const AccountId storage = chart_.open({"stacks", "main", "thread-local storage"});
  const auto present = PageFlag::kPresent;
  open({range(0, 10), range(10, 1000), range(1000, 2000), range(3000, 3100)});
  mappings_[0].readable = false;
  book(range(0, 10), guard, present, Rank::kStack);
  book(range(10, 999), below, present, Rank::kStackPart);
  book(range(999, 1000), used, present, Rank::kStackPart);
  book(range(1000, 2000), touched, present, Rank::kStack);        // its stack pointer is not known
  book(range(3000, 3100), storage, present, Rank::kThreadBlock);  // the main thread's, apart
  const auto entries = book_->finish();
  EXPECT_EQ(entries[0].purpose, guard);
  EXPECT_EQ(entries[1].purpose, own);
  EXPECT_EQ(entries[2].purpose, chart_.parent(touched));
  EXPECT_EQ(entries[3].purpose, storage);
}

TEST_F(MappingBookTest, LosesNoByteOfRandomPieces) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    mappings_.clear();
    std::uint64_t at = 0;
    for (int i = 0; i < 8; ++i) {
      const std::uint64_t start = at + random() % 3, end = start + 1 + random() % 20;
      mappings_.emplace_back().range = range(start, end);
      at = end;
    }
    book_.emplace(mappings_, chart_);
    // Pieces cover all that is mapped, and end where they like but for the gaps.
    for (std::size_t i = 0; i < mappings_.size();) {
      std::size_t last = i;
      while (last + 1 < mappings_.size() &&
             mappings_[last + 1].range.start == mappings_[last].range.end) {
        ++last;
      }
      for (std::uint64_t from = mappings_[i].range.start.value,
                         end = mappings_[last].range.end.value;
           from < end;) {
        const std::uint64_t to = std::min<std::uint64_t>(end, from + 1 + random() % 30);
        book(range(from, to), random() % 2 == 0 ? a_ : c_);
        from = to;
      }
      i = last + 1;
    }
    const auto entries = book_->finish();
    for (std::size_t i = 0; i < entries.size(); ++i) {
      EXPECT_EQ(entries[i].measure.resident, mappings_[i].range.size());
      EXPECT_EQ(entries[i].measure.virtual_size, mappings_[i].range.size());
    }
  }
}

}  // namespace
}  // namespace strata
