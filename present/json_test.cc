#include "present/json.h"

#include <gtest/gtest.h>

#include <algorithm>
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

/// Rows 0, 1, 2 … of a number, a name and a text-only cell.
Stream counting(std::uint64_t rows) {
  Stream stream;
  stream.columns = {{"at", "AT"}, {"n", "N"}, {"name", "NAME"}, {"", "TEXT"}};
  stream.widest = {Address{~0ull}, 1_GiB, std::string("?"), std::string("?")};
  stream.next = [rows, n = std::uint64_t{0}](std::vector<Cell>& row) mutable {
    if (n == rows) return false;
    row[0] = Address{n};
    row[1] = Bytes{n};
    row[2] = n % 3 == 0 ? Cell{} : Cell{std::string(n % 3 == 1 ? "plain" : "\"\\\n\xff")};
    ++n;
    return true;
  };
  return stream;
}

Document streaming(std::uint64_t rows) {
  Document d;
  d.blocks.push_back({"", "", Record{{{"schema", std::string("s")}}, {}}, ""});
  d.blocks.push_back({"rows", "Rows", counting(rows), ""});
  d.blocks.push_back({"list", "", std::vector<Record>{}, ""});
  return d;
}

TEST(Json, AStreamIsAnArrayBehindAllElse) {
  for (const std::uint64_t rows : {0, 1, 2, 7}) {
    const Json j = Json::parse(to_json(streaming(rows)));
    EXPECT_EQ(j.size(), 3u);
    EXPECT_EQ(j["schema"], "s");
    EXPECT_EQ(j["list"], Json::array());
    ASSERT_EQ(j["rows"].size(), rows);
    for (std::uint64_t n = 0; n < rows; ++n) {
      EXPECT_EQ(j["rows"][n].size(), 3u);
      EXPECT_EQ(j["rows"][n]["n"], n);
      EXPECT_EQ(j["rows"][n]["at"], "0x" + std::to_string(n));
    }
  }
  EXPECT_EQ(Json::parse(to_json(streaming(3)))["rows"],
            Json::parse(R"([{"at": "0x0", "n": 0, "name": null},
                            {"at": "0x1", "n": 1, "name": "plain"},
                            {"at": "0x2", "n": 2, "name": "\"\\\\\\n\\xFF"}])"));
}

TEST(Json, StreamsAloneOrSeveralAreAnObjectToo) {
  Document d;
  for (const char* const key : {"a", "b", "c"}) {
    d.blocks.push_back({key, "", counting(key[0] == 'b' ? 0 : 2), ""});
    const Json j = Json::parse(to_json(d));
    EXPECT_EQ(j.size(), 1u);
    EXPECT_EQ(j[key].size(), key[0] == 'b' ? 0u : 2u);
    d.blocks.clear();
  }
  d.blocks.push_back({"a", "", counting(1), ""});
  d.blocks.push_back({"b", "", counting(2), ""});
  const Json j = Json::parse(to_json(d));
  EXPECT_EQ(j["a"].size(), 1u);
  EXPECT_EQ(j["b"].size(), 2u);
}

TEST(Json, AStreamIsWrittenInPiecesAndEndsWhereWritingFails) {
  constexpr std::uint64_t kRows = 20'000;
  std::size_t pieces = 0, longest = 0;
  std::string all;
  EXPECT_TRUE(write_json(streaming(kRows), [&](std::string_view piece) -> Result<void> {
    ++pieces;
    longest = std::max(longest, piece.size());
    all += piece;
    return {};
  }));
  EXPECT_EQ(Json::parse(all)["rows"].size(), kRows);
  EXPECT_GT(pieces, 5u);
  EXPECT_LT(longest, 128u << 10);
  pieces = 0;
  const auto failed = write_json(streaming(~0ull), [&](std::string_view) -> Result<void> {
    return ++pieces == 3 ? Result<void>(fail(Cause::kUsage, "full")) : Result<void>();
  });
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().message, "full");
  EXPECT_EQ(pieces, 3u);
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
