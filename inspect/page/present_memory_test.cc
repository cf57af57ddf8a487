#include "inspect/page/present_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <random>

#include "inspect/target/means.h"
#include "inspect/target/process.h"

namespace strata {
namespace {

class PresentMemoryTest : public testing::Test {
 protected:
  static constexpr std::size_t kSize = 8 << 20;

  PresentMemoryTest() {
    process_ = Process::open(getpid()).value();
    scanner_.emplace(PageScanner::open(*process_, probe_means().value()).value());
    at_ = static_cast<char*>(
        mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(at_, MAP_FAILED);
    madvise(at_, kSize, MADV_NOHUGEPAGE);
  }
  ~PresentMemoryTest() override { munmap(at_, kSize); }

  Address start() const { return Address{reinterpret_cast<std::uint64_t>(at_)}; }
  void touch(std::size_t page) { std::memset(at_ + page * page_size().value, 'x', 8); }

  std::unique_ptr<Process> process_;
  std::optional<PageScanner> scanner_;
  char* at_ = nullptr;
};

TEST_F(PresentMemoryTest, OfATargetThatStandsIsTheSame) {
  std::mt19937 random(7);
  for (int i = 0; i < 600; ++i) touch(random() % (kSize / page_size().value));
  const PresentMemory moves(*process_, &*scanner_);
  const PresentMemory stands(*process_, &*scanner_, PresentMemory::Pages::kStand);
  for (int i = 0; i < 2000; ++i) {
    const Address from = start() + Bytes{random() % kSize};
    const Bytes size{std::min<std::uint64_t>(random() % (i % 2 ? 20'000 : 5 << 20),
                                             (start() + Bytes{kSize} - from).value)};
    const auto a = moves.present(range_of(from, size));
    const auto b = stands.present(range_of(from, size));
    ASSERT_TRUE(a && b);
    ASSERT_EQ(*a, *b) << std::hex << from.value << " " << size.value;
  }
  // Also at the end of the address space, beyond which the kernel refuses to look.
  const auto mappings = process_->read_mappings();
  ASSERT_TRUE(mappings);
  for (const Mapping& m : *mappings) {
    if (m.name == "[vsyscall]") continue;
    const Range last{m.range.end - page_size(), m.range.end};
    const auto a = moves.present(last), b = stands.present(last);
    ASSERT_TRUE(a && b) << m.name;
    if (m.range.contains(start()) || m.is_labelled("[stack]")) {
      EXPECT_EQ(*a, *b);
    }
  }
}

TEST_F(PresentMemoryTest, IsAskedForOnceWhereItStands) {
  const PresentMemory moves(*process_, &*scanner_);
  const PresentMemory stands(*process_, &*scanner_, PresentMemory::Pages::kStand);
  const Range page = range_of(start() + 1_MiB, page_size());
  EXPECT_TRUE(moves.present(page)->empty());
  EXPECT_TRUE(stands.present(page)->empty());
  touch(1_MiB / page_size());
  EXPECT_EQ(moves.present(page)->size(), 1u);
  EXPECT_TRUE(stands.present(page)->empty());  // it was said to stand
}

TEST_F(PresentMemoryTest, ReadsAsZerosWhereNothingIsAndTouchesNothing) {
  touch(3);
  const PresentMemory stands(*process_, &*scanner_, PresentMemory::Pages::kStand);
  std::vector<std::byte> bytes(8 * page_size().value, std::byte{0xEE});
  const auto got = stands.read(start(), bytes);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, page_size());
  EXPECT_EQ(bytes[3 * page_size().value], std::byte{'x'});
  EXPECT_EQ(bytes[0], std::byte{0});
  const PresentMemory anew(*process_, &*scanner_);
  EXPECT_EQ(anew.present(range_of(start(), Bytes{kSize}))->size(), 1u);
}

}  // namespace
}  // namespace strata
