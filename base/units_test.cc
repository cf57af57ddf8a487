#include "base/units.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <concepts>
#include <limits>
#include <random>

namespace strata {
namespace {

constexpr std::uint64_t kTop = std::numeric_limits<std::uint64_t>::max();

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };
template <class A, class B>
concept Comparable = requires(A a, B b) { a < b; };

TEST(Units, MixingThemUpDoesNotCompile) {
  static_assert(Addable<Bytes, Bytes> && Addable<Address, Bytes>);
  static_assert(!Addable<Address, Address> && !Addable<Bytes, Address>);
  static_assert(!Addable<Bytes, std::uint64_t> && !Addable<Address, std::uint64_t>);
  static_assert(!Comparable<Bytes, Address> && !std::convertible_to<std::uint64_t, Bytes>);
}

TEST(Units, AddressesStopAtTheEndsInsteadOfWrapping) {
  EXPECT_EQ(Address{kTop} + 1_B, Address{kTop});
  EXPECT_EQ(Address{kTop - 5} + 5_B, Address{kTop});
  EXPECT_EQ(Address{kTop - 5} + 6_B, Address{kTop});
  EXPECT_EQ(Address{1} + Bytes{kTop}, Address{kTop});
  EXPECT_EQ(Address{5} - 6_B, Address{0});
  EXPECT_EQ(Address{5} - 5_B, Address{0});
  EXPECT_EQ(Address{5} - 4_B, Address{1});
  EXPECT_EQ(range_of(Address{kTop - 1}, 1_GiB), (Range{Address{kTop - 1}, Address{kTop}}));
}

TEST(Units, SizesSaturateWhereAsked) {
  EXPECT_EQ(saturating_sub(3_B, 4_B), 0_B);
  EXPECT_EQ(saturating_sub(4_B, 3_B), 1_B);
  EXPECT_EQ(1_GiB, 1024_MiB);
  EXPECT_EQ(1_MiB, 1024_KiB);
  EXPECT_EQ(10_KiB / 4_KiB, 2u);
}

TEST(Units, RoundingGoesToMultiples) {
  EXPECT_EQ(round_down(Address{0x1fff}, 4_KiB), Address{0x1000});
  EXPECT_EQ(round_up(Address{0x1000}, 4_KiB), Address{0x1000});
  EXPECT_EQ(round_up(Address{0x1001}, 4_KiB), Address{0x2000});
  EXPECT_EQ(round_up(1_B, 4_KiB), 4_KiB);
  EXPECT_EQ(round_up(0_B, 4_KiB), 0_B);
  EXPECT_EQ(page_size(), Bytes{static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))});
}

TEST(Units, RangesAgreeWithCountingTheirAddresses) {
  std::mt19937 random(1);
  std::uniform_int_distribution<std::uint64_t> small(0, 12);
  for (int i = 0; i < 5000; ++i) {
    const Range a{Address{small(random)}, Address{small(random)}};
    const Range b{Address{small(random)}, Address{small(random)}};
    std::uint64_t in_a = 0, in_both = 0;
    for (std::uint64_t at = 0; at < 16; ++at) {
      in_a += a.contains(Address{at});
      in_both += a.contains(Address{at}) && b.contains(Address{at});
    }
    EXPECT_EQ(a.size().value, in_a);
    EXPECT_EQ(a.empty(), in_a == 0);
    EXPECT_EQ(intersection(a, b).size().value, in_both);
    if (!a.empty() && !b.empty()) {
      EXPECT_EQ(a.overlaps(b), in_both > 0);
      EXPECT_EQ(a.contains(b), in_both == b.size().value);
    }
  }
}

}  // namespace
}  // namespace strata
