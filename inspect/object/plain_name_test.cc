#include "inspect/object/plain_name.h"

#include <gtest/gtest.h>

#include <random>

namespace strata {
namespace {

TEST(PlainName, IsWithoutParametersAndArguments) {
  EXPECT_EQ(plain_name("_ZNSt6vectorIPcSaIS0_EE17_M_realloc_insertIJS0_EEEvN9__gnu_cxx17__normal_"
                       "iteratorIPS0_S2_EEDpOT_"),
            "std::vector::_M_realloc_insert");
  EXPECT_EQ(plain_name("_Z9make_rowsR5Table"), "make_rows");
  EXPECT_EQ(plain_name("_ZN4shop4loadIdEEPT_i"), "shop::load");
  EXPECT_EQ(
      plain_name("_ZNK4shop5Stock4findERKNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEE"),
      "shop::Stock::find");
  EXPECT_EQ(plain_name("_ZN4shop5StockC2Ev"), "shop::Stock::Stock");
  EXPECT_EQ(plain_name("_ZN4shop5StockIiLi4EED1Ev"), "shop::Stock::~Stock");
  EXPECT_EQ(plain_name("_ZN12_GLOBAL__N_14hideEv"), "(anonymous namespace)::hide");
  EXPECT_EQ(plain_name("_Znwm"), "operator new");
  EXPECT_EQ(plain_name("_ZNSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEE9_M_createERmm"),
            "std::__cxx11::basic_string::_M_create");
  EXPECT_EQ(plain_name("_ZStlsISt11char_traitsIcEERSt13basic_ostreamIcT_ES5_PKc"),
            "std::operator<<");
  EXPECT_EQ(plain_name("_ZL6secretv"), "secret");
  EXPECT_EQ(plain_name("_ZNSaIcE8allocateB5cxx11Em"), "std::allocator::allocate");
}

TEST(PlainName, IsNoneOfWhatIsNoFunction) {
  for (const char* const other : {"", "main", "_Z", "_ZN", "_ZTV5Thing", "_ZSt", "_Z99x", "_ZNSt1",
                                  "_ZN3fooILZ4mainEE", "_ZN3fooI"}) {
    EXPECT_EQ(plain_name(other), std::nullopt) << other;
  }
}

TEST(PlainName, OfAnyBytesEnds) {
  constexpr char kLetters[] = "_ZNKSTILEDCXFJt0123456789abcnwB";
  std::minstd_rand random(5);
  std::size_t named = 0;
  for (int i = 0; i < 200'000; ++i) {
    std::string name = "_ZN";
    for (auto n = random() % 30; n > 0; --n) name += kLetters[random() % (sizeof kLetters - 1)];
    named += plain_name(name).has_value();
  }
  EXPECT_GT(named, 0u);
}

}  // namespace
}  // namespace strata
