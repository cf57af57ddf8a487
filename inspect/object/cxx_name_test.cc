#include "inspect/object/cxx_name.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace strata {
namespace {

TEST(CxxName, IsReadableWhereItIsAType) {
  EXPECT_EQ(demangled_type("N6strata5ThingE"), "strata::Thing");
  EXPECT_EQ(demangled_type("St6vectorIiSaIiEE"), "std::vector<int, std::allocator<int> >");
  EXPECT_EQ(demangled_type("N12_GLOBAL__N_16HiddenE"), "(anonymous namespace)::Hidden");
  EXPECT_EQ(demangled_type("i"), "int");
}

TEST(CxxName, IsNothingWhereItIsNone) {
  for (const char* const text : {"", "hello world", "N6strata5Thing", "_Z1fv", "_ZTV1A", "999a",
                                 "S_", "\xFF\xFE", "N", "1"}) {
    EXPECT_EQ(demangled_type(text), std::nullopt) << text;
  }
}

/// The number of a substitution as it is written.
std::string reference(std::size_t index) {
  if (index == 0) return "S_";
  std::string digits;
  for (std::size_t n = index - 1;; n /= 36) {
    digits.insert(digits.begin(), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 36]);
    if (n < 36) break;
  }
  return "S" + digits + "_";
}

/// p<p<p<a, a>, …>, …>, each level with what stands in it twice: 2^levels words.
std::string doubled(std::size_t levels) {
  std::string name = "1pI";
  for (std::size_t i = 1; i < levels; ++i) name += "S_I";
  name += "1aS0_E";
  for (std::size_t i = 2; i <= levels; ++i) name += reference(i) + "E";
  return name;
}

TEST(CxxName, OneThatDoublesItselfIsRefusedBeforeItFillsTheMemory) {
  EXPECT_EQ(demangled_type(doubled(2)), "p<p<a, a>, p<a, a> >");
  const auto some = demangled_type(doubled(6));
  ASSERT_TRUE(some);
  EXPECT_GT(some->size(), 300u);
  // The whole of it would be 2^60 words long.
  EXPECT_EQ(demangled_type(doubled(60)), std::nullopt);
}

// Each of these keeps the demangler of GCC 12's runtime busy for ever, or for longer with each
// level.
TEST(CxxName, WhatTheDemanglerDoesNotEndOnIsRefused) {
  EXPECT_EQ(demangled_type("Dtsr1aS0_DpT_IUlvE_v"), std::nullopt);
  EXPECT_EQ(demangled_type("DtsrsrrsrdtS1_srDnE_"), std::nullopt);
  std::string conversions = "Z1AcvT_I";
  for (int i = 0; i < 60; ++i) conversions += "T_I";
  for (int i = 0; i < 61; ++i) conversions += "iE";
  EXPECT_EQ(demangled_type(conversions + "vE1B"), std::nullopt);
}

TEST(CxxName, AParameterOfATemplateIsReadable) {
  EXPECT_EQ(demangled_type("Z10make_localIdEiT_E5Local"), "make_local<double>(double)::Local");
}

TEST(CxxName, TheBoundIsAboveWhatDemanglingWrites) {
  for (std::size_t levels = 1; levels < 14; ++levels) {
    const auto name = demangled_type(doubled(levels));
    if (!name) continue;
    EXPECT_LE(name->size(), most_work_to_demangle(doubled(levels)));
  }
  // Names put together of the grammar's tokens, most of them wrong, some of them long.
  const std::vector<std::string> tokens = {
      "N",  "E",  "I", "J",   "E",    "Z", "S_",    "S0_", "S1_", "S2_", "S3_", "T_", "T0_", "Dp",
      "sp", "cv", "P", "R",   "O",    "K", "1a",    "1b",  "2cc", "i",   "c",   "St", "Sa",  "Ss",
      "F",  "v",  "M", "A4_", "Li5E", "X", "UlvE_", "Ut_", "E",   "DnE", "I",   "E",  "S_",  "S0_"};
  std::mt19937_64 random(7);
  std::size_t accepted = 0;
  for (int round = 0; round < 200'000; ++round) {
    std::string name;
    for (auto left = 1 + random() % 24; left != 0; --left) name += tokens[random() % tokens.size()];
    const auto text = demangled_type(name);
    if (!text) continue;
    ++accepted;
    ASSERT_LE(text->size(), most_work_to_demangle(name)) << name;
  }
  EXPECT_GT(accepted, 100u);
}

TEST(CxxName, TheBoundSaturates) {
  std::string name;
  for (int i = 0; i < 4000; ++i) name += "DpT_cvIZ" + reference(static_cast<std::size_t>(i));
  EXPECT_EQ(most_work_to_demangle(name), UINT64_MAX);
}

}  // namespace
}  // namespace strata
