#include "malloc/unit_set.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace strata::alloc {
namespace {

constexpr std::uint32_t kMost = 3 * 4096 + 100;

TEST(UnitSet, AgreesWithASet) {
  const std::uintptr_t place = os::find_place(UnitSet::bytes_for(kMost));
  ASSERT_NE(place, 0u);
  UnitSet set;
  set.place(place, kMost);
  ASSERT_TRUE(set.reach(kMost));
  std::set<std::uint32_t> model;
  std::minstd_rand random(7);
  for (int i = 0; i < 200'000; ++i) {
    // At times it is nearly empty, at times nearly full.
    const bool grows = i / 20'000 % 2 == 0;
    const auto number = static_cast<std::uint32_t>(random() % kMost);
    ASSERT_EQ(set.contains(number), model.count(number) == 1);
    if (model.count(number) == 0 && (grows || random() % 4 == 0)) {
      set.insert(number);
      model.insert(number);
    } else if (model.count(number) == 1 && (!grows || random() % 4 == 0)) {
      set.erase(number);
      model.erase(number);
    }
    ASSERT_EQ(set.size(), model.size());
    ASSERT_EQ(set.lowest(), model.empty() ? UnitSet::kNone : *model.begin());
    ASSERT_EQ(set.highest(), model.empty() ? UnitSet::kNone : *model.rbegin());
    if (!grows && random() % 8 == 0 && !model.empty()) {
      const std::uint32_t end = random() % 2 == 0 ? set.lowest() : set.highest();
      set.erase(end);
      model.erase(end);
    }
  }
  os::unmap(reinterpret_cast<void*>(place), UnitSet::bytes_for(kMost));
}

}  // namespace
}  // namespace strata::alloc
