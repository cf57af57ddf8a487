#include "inspect/heap/glibc/window.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>

#include "inspect/target/means.h"
#include "inspect/target/process.h"

namespace strata::glibc {
namespace {

/// Our own memory, in which each header says where it stands.
class WindowTest : public testing::Test {
 protected:
  static constexpr std::size_t kSize = std::size_t{32} << 20;

  WindowTest() {
    process_ = Process::open(getpid()).value();
    scanner_.emplace(PageScanner::open(*process_, probe_means().value()).value());
    memory_.emplace(*process_, &*scanner_, PresentMemory::Pages::kStand);
    at_ = static_cast<Window::Header*>(mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
    EXPECT_NE(at_, MAP_FAILED);
    madvise(at_, kSize, MADV_NOHUGEPAGE);
  }
  ~WindowTest() override { munmap(at_, kSize); }

  Address address(std::size_t from) const {
    return Address{reinterpret_cast<std::uint64_t>(at_) + from};
  }
  void fill(std::size_t from, std::size_t until) {
    for (std::size_t i = from / 16; i < until / 16; ++i) at_[i] = {i, address(i * 16).value};
  }
  /// Whether the window shows what stands at `from`; nothing where it shows nothing.
  std::optional<bool> shows(Window& window, std::size_t from) {
    const Window::Header* const header = window.header(address(from), address(kSize));
    if (header == nullptr) return std::nullopt;
    return header->previous == from / 16 && header->size == address(from).value;
  }

  std::unique_ptr<Process> process_;
  std::optional<PageScanner> scanner_;
  std::optional<PresentMemory> memory_;
  Window::Header* at_ = nullptr;
};

TEST_F(WindowTest, ShowsEachHeaderInWhateverOrder) {
  fill(0, kSize);
  std::mt19937 random(9);
  for (const std::size_t step : {32u, 4096u, 1u << 20}) {
    Window window(*memory_);
    for (std::size_t from = 0; from < kSize; from += step) {
      ASSERT_EQ(shows(window, from), true) << from << " by " << step;
      if (random() % 64 != 0) continue;  // looks back, or ahead, or far away
      ASSERT_EQ(shows(window, random() % (kSize / 16) * 16), true);
      ASSERT_EQ(shows(window, from - std::min(from, std::size_t{random() % 4096 * 16})), true);
    }
  }
}

TEST_F(WindowTest, ShowsNothingWherePagesAreMissing) {
  constexpr std::size_t kPage = 4096;
  fill(0, 8 << 20);
  fill(24 << 20, kSize);
  for (std::size_t page = 0; page < (8 << 20) / kPage; page += 3) {
    madvise(at_ + page * kPage / 16, kPage, MADV_DONTNEED);
  }
  Window window(*memory_);
  for (std::size_t from = 0; from < kSize; from += 64) {
    const bool is_there = from < 8 << 20 ? from / kPage % 3 != 0 : from >= 24 << 20;
    ASSERT_EQ(shows(window, from), is_there ? std::optional(true) : std::nullopt) << from;
  }
}

TEST_F(WindowTest, WithAnObserverReadsEachWordOnceAndWhatIsBesideAsItIsAskedFor) {
  fill(0, kSize);
  madvise(at_ + (9 << 20) / 16, 2 << 20, MADV_DONTNEED);  // in the first range
  std::mt19937 random(9);
  const std::vector<Range> ranges{{address(64), address((12 << 20) + 32)},
                                  {address(20 << 20), address(24 << 20)}};
  std::uint64_t seen = 0;
  Address last;
  Window window(*memory_, ranges, {}, [&](const Piece& piece, std::size_t) {
    for (const Range& part : piece.parts) {
      EXPECT_GE(part.start, last);
      last = part.end;
      seen += part.size().value;
    }
  });
  for (std::size_t from = 64; from < kSize; from += 48) {
    const bool is_absent = from >= 9 << 20 && from < 11 << 20;
    ASSERT_EQ(shows(window, from), is_absent ? std::nullopt : std::optional(true)) << from;
    if (random() % 512 == 0) {
      const std::size_t other = random() % (kSize / 16) * 16;
      const bool other_is_absent = other >= 9 << 20 && other < 11 << 20;
      // What lies ahead is asked for in its turn; what is no part of the ranges at any time.
      if (other < from || other >= 24 << 20) {
        ASSERT_EQ(shows(window, other), other_is_absent ? std::nullopt : std::optional(true));
      }
    }
  }
  window.finish();
  EXPECT_EQ(seen, ((12 << 20) - 32 - (2 << 20) + (4 << 20)));
}

}  // namespace
}  // namespace strata::glibc
