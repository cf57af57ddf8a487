#include "inspect/page/read_ahead.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <mutex>
#include <random>
#include <set>

#include "inspect/target/means.h"
#include "inspect/target/process.h"

namespace strata {
namespace {

class ReadAheadTest : public testing::TestWithParam<PresentMemory::Pages> {
 protected:
  static constexpr std::size_t kSize = std::size_t{64} << 20;

  ReadAheadTest() {
    process_ = Process::open(getpid()).value();
    scanner_.emplace(PageScanner::open(*process_, probe_means().value()).value());
    at_ = static_cast<std::uint64_t*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    EXPECT_NE(at_, MAP_FAILED);
    madvise(at_, kSize, MADV_NOHUGEPAGE);
  }
  ~ReadAheadTest() override { munmap(at_, kSize); }

  Address address(std::size_t word) const {
    return Address{reinterpret_cast<std::uint64_t>(at_ + word)};
  }
  std::size_t word_at(Address address) const {
    return (address.value - reinterpret_cast<std::uint64_t>(at_)) / 8;
  }
  PresentMemory memory() const { return {*process_, &*scanner_, GetParam()}; }
  static constexpr std::size_t kPageWords = 512;

  std::unique_ptr<Process> process_;
  std::optional<PageScanner> scanner_;
  std::uint64_t* at_ = nullptr;
};

TEST_P(ReadAheadTest, GivesEachPresentWordOnceAndInOrder) {
  std::mt19937 random(11);
  std::set<std::size_t> touched;  // pages
  const auto touch = [&](std::size_t page) {
    at_[page * kPageWords + page % kPageWords] = page + 1;
    touched.insert(page);
  };
  for (std::size_t page = 1000; page < 4000; ++page) touch(page);  // densely
  for (int i = 0; i < 500; ++i) touch(8000 + random() % 2000);     // here and there
  touch(kSize / 4096 - 1);                                         // behind a wide hole
  const std::vector<Range> ranges{{address(900 * kPageWords + 2), address(3000 * kPageWords + 6)},
                                  {address(3000 * kPageWords + 6), address(kSize / 8)}};
  const PresentMemory memory = this->memory();
  std::mutex mutex;
  std::multiset<std::pair<std::size_t, Address>> prepared;
  std::array<const Piece*, ReadAhead::kPieces> in_slot{};
  ReadAhead ahead(memory, ranges, [&](const Piece& piece, std::size_t slot) {
    const std::lock_guard lock(mutex);
    prepared.insert({piece.number, piece.range.start});
    in_slot[slot] = &piece;
  });
  std::set<std::size_t> seen;
  Address last;
  for (auto next = ahead.next(); next.piece != nullptr; next = ahead.next()) {
    const Piece& piece = *next.piece;
    {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(in_slot[next.slot], &piece);
      EXPECT_EQ(prepared.count({piece.number, piece.range.start}), 1u);
    }
    ASSERT_TRUE(ranges[piece.number].contains(piece.range));
    ASSERT_LE(piece.range.size(), ReadAhead::kPiece);
    for (const Range& part : piece.parts) {
      ASSERT_GE(part.start, last);
      last = part.end;
      const auto bytes = piece.part(part);
      ASSERT_EQ(std::memcmp(bytes.data(), at_ + word_at(part.start), bytes.size()), 0);
      for (Address at = part.start; at < part.end; at = round_down(at, page_size()) + page_size()) {
        seen.insert(word_at(at) / kPageWords);
      }
    }
  }
  touched.erase(touched.begin(), touched.lower_bound(900));
  EXPECT_EQ(seen, touched);
  EXPECT_EQ(ahead.next().piece, nullptr);
}

TEST_P(ReadAheadTest, IsLeftInTheMiddleWithoutHarm) {
  std::memset(at_, 1, 16 << 20);
  for (int pieces = 0; pieces < 20; ++pieces) {
    ReadAhead ahead(memory(), {{address(0), address(kSize / 8)}});
    for (int i = 0; i < pieces; ++i) ASSERT_NE(ahead.next().piece, nullptr);
  }
}

TEST_P(ReadAheadTest, OfNothingIsOver) {
  EXPECT_EQ(ReadAhead(memory(), {}).next().piece, nullptr);
  EXPECT_EQ(ReadAhead(memory(), {{address(0), address(0)}}).next().piece, nullptr);
  ReadAhead absent(memory(), {{address(0), address(kSize / 8)}});
  EXPECT_EQ(absent.next().piece, nullptr);
}

INSTANTIATE_TEST_SUITE_P(OfATarget, ReadAheadTest,
                         testing::Values(PresentMemory::Pages::kMove, PresentMemory::Pages::kStand),
                         [](const auto& pages) {
                           return pages.param == PresentMemory::Pages::kMove ? "ThatMoves"
                                                                             : "ThatStands";
                         });

}  // namespace
}  // namespace strata
