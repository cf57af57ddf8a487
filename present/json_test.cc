#include "present/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace strata {
namespace {

using Json = nlohmann::json;

Json of(std::vector<Field> fields) {
  Document d;
  d.blocks.push_back({"", "", Record{std::move(fields), {"text only"}}, ""});
  const std::string text = to_json(d);
  EXPECT_TRUE(text.ends_with("}\n"));
  EXPECT_EQ(text.find("text only"), std::string::npos);
  return Json::parse(text);
}

TEST(Json, KeepsIntegersBeyondWhatADoubleHolds) {
  const Json j = of({{"top", Bytes{~0ull}},
                     {"odd", Bytes{(1ull << 53) + 1}},
                     {"count", std::uint64_t{(1ull << 63) + 1}},
                     {"least", SignedBytes{std::numeric_limits<std::int64_t>::min()}}});
  EXPECT_EQ(j["top"].get<std::uint64_t>(), ~0ull);
  EXPECT_EQ(j["odd"].get<std::uint64_t>(), (1ull << 53) + 1);
  EXPECT_EQ(j["count"].get<std::uint64_t>(), (1ull << 63) + 1);
  EXPECT_EQ(j["least"].get<std::int64_t>(), std::numeric_limits<std::int64_t>::min());
  EXPECT_TRUE(j["odd"].is_number_unsigned());
  // An address is a string, for readers in which every number is a double.
  EXPECT_EQ(of({{"at", Address{~0ull}}})["at"], "0xffffffffffffffff");
  EXPECT_EQ(of({{"at", Address{0}}})["at"], "0x0");
}

TEST(Json, WritesNamesOfAnyBytes) {
  const Json j =
      of({{"name", std::string("\xff\x1b[2J\n\"\\größe\0x", 15)}, {"path", Path{"a", "\xc3", ""}}});
  EXPECT_EQ(j["name"].get<std::string>().substr(0, 18), "\\xFF\\x1B[2J\\n\"\\\\gr");
  EXPECT_EQ(j["path"], Json::parse(R"(["a", "\\xC3", ""])"));
}

TEST(Json, WhatIsNotKnownIsNull) {
  const Json j = of({{"none", Cell{}},
                     {"yes", true},
                     {"part", Percent{12.5}},
                     {"nan", Percent{std::numeric_limits<double>::quiet_NaN()}}});
  EXPECT_TRUE(j["none"].is_null());
  EXPECT_TRUE(j["nan"].is_null());
  EXPECT_EQ(j["yes"], true);
  EXPECT_EQ(j["part"], 12.5);
}

TEST(Json, ATreeIsItsLeavesAndColumnsForTextAloneAreLeftOut) {
  Table t;
  t.is_tree = true;
  t.columns = {{"path", ""}, {"", "%"}, {"bytes", "SIZE"}};
  const auto row = [&](Path path, Bytes bytes, int depth) {
    Table::Row r;
    r.cells = {std::move(path), Percent{1}, bytes};
    r.depth = depth;
    return r;
  };
  t.rows = {row({}, 3_B, 0), row({"a"}, 2_B, 1), row({"b"}, 1_B, 1)};
  t.rows[0].leaf = false;
  t.rows[2].shown = false;  // in text alone
  Document d;
  d.blocks.push_back({"accounts", "Where it is", t, "footnote"});
  d.blocks.push_back({"list", "", std::vector<Record>{{{{"id", std::string("x")}}, {}}}, ""});
  EXPECT_EQ(Json::parse(to_json(d)),
            Json::parse(R"({"accounts": [{"path": ["a"], "bytes": 2}, {"path": ["b"], "bytes": 1}],
                            "list": [{"id": "x"}]})"));
  EXPECT_EQ(to_json(Document{}), "{}\n");
}

TEST(Json, KeepsTheOrderInWhichThingsAreSaid) {
  Document d;
  d.blocks.push_back({"", "", Record{{{"schema", std::string("s")}, {"a", 1_B}}, {}}, ""});
  d.blocks.push_back({"z", "", Record{{{"y", 1_B}, {"b", 2_B}}, {}}, ""});
  const std::string text = to_json(d);
  EXPECT_LT(text.find("schema"), text.find("\"a\""));
  EXPECT_LT(text.find("\"y\""), text.find("\"b\""));
}

}  // namespace
}  // namespace strata
