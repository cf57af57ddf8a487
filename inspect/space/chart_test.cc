#include "inspect/space/chart.h"

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

namespace strata {
namespace {

TEST(Chart, OpensAnAccountOnce) {
  Chart chart;
  const AccountId glibc = chart.open({"heap", "glibc"});
  EXPECT_EQ(chart.open({"heap", "glibc"}), glibc);
  EXPECT_EQ(chart.open(chart.open({"heap"}), "glibc"), glibc);
  EXPECT_NE(chart.open({"mapped", "glibc"}), glibc);
  EXPECT_EQ(chart.name(glibc), "glibc");
  EXPECT_EQ(chart.name(chart.parent(glibc)), "heap");
  EXPECT_EQ(chart.path(glibc), (std::vector<std::string>{"heap", "glibc"}));
  EXPECT_TRUE(chart.path(AccountId::kRoot).empty());
  EXPECT_EQ(chart.size(), 5u);
}

TEST(Chart, NumbersParentsBeforeChildrenWithoutGaps) {
  Chart chart;
  for (int i = 0; i < 2000; ++i) {
    chart.open({"a" + std::to_string(i % 7), std::to_string(i % 50), std::string(1, '\0') + "x"});
  }
  for (std::size_t i = 1; i < chart.size(); ++i) {
    EXPECT_LT(chart.parent(AccountId(i)), AccountId(i));
    EXPECT_EQ(chart.open(chart.parent(AccountId(i)), chart.name(AccountId(i))), AccountId(i));
  }
}

TEST(Chart, TellsWhatLiesUnderWhat) {
  Chart chart;
  const AccountId a = chart.open({"a"}), b = chart.open({"b"});
  const AccountId deep = chart.open({"a", "b", "c"});
  EXPECT_TRUE(chart.is_under(deep, a) && chart.is_under(a, a));
  EXPECT_TRUE(chart.is_under(deep, AccountId::kRoot));
  EXPECT_FALSE(chart.is_under(deep, b) || chart.is_under(a, deep) || chart.is_under(b, a));
  EXPECT_FALSE(chart.is_under(AccountId::kRoot, a));
}

TEST(Chart, StoresASentenceOnce) {
  Chart chart;
  const EvidenceId why = chart.because("so");
  EXPECT_EQ(chart.because(std::string("s") + "o"), why);
  EXPECT_NE(chart.because("not so"), why);
  EXPECT_EQ(chart.sentence(why), "so");
  EXPECT_EQ(chart.sentence(EvidenceId::kNone), "");
}

TEST(Chart, MovesWithItsNamesAndIsNeverCopied) {
  static_assert(!std::is_copy_constructible_v<Chart> && !std::is_copy_assignable_v<Chart>);
  Chart first;
  const AccountId a = first.open({"short"});  // within the string itself
  const AccountId b = first.open({std::string(100, 'l')});
  const EvidenceId why = first.because("why");
  Chart second = std::move(first);
  Chart third;
  third = std::move(second);
  EXPECT_EQ(third.open({"short"}), a);
  EXPECT_EQ(third.open({std::string(100, 'l')}), b);
  EXPECT_EQ(third.because("why"), why);
  EXPECT_NE(third.open({"new"}), a);
}

}  // namespace
}  // namespace strata
