#include "present/text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <sstream>

namespace strata {
namespace {

Document document(Block block) {
  Document d;
  d.blocks.push_back(std::move(block));
  return d;
}

Block lines(std::vector<std::string> text) { return {"", "", Record{{}, std::move(text)}, ""}; }

Table::Row row(std::vector<Cell> cells, int depth = 0) {
  Table::Row r;
  r.cells = std::move(cells);
  r.depth = depth;
  return r;
}

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> out;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) out.push_back(line);
  return out;
}

int columns(std::string_view line) {
  int n = 0;
  for (const char c : line) n += (c & 0xC0) != 0x80;
  return n;
}

Table names_table(std::vector<std::string> names) {
  Table t;
  t.columns = {{"bytes", "SIZE"}, {"name", "NAME"}, {"hidden", ""}};
  for (std::string& name : names) t.rows.push_back(row({1_MiB, std::move(name), true}));
  return t;
}

TEST(Text, WrapsSentencesAtEveryWidthWithoutLosingAWord) {
  std::string sentence = "the";
  for (int i = 0; i < 60; ++i) sentence += " quick bröwn fox";
  for (const int width : {40, 80, 200}) {
    TextStyle style;
    style.width = width;
    const auto out = split(to_text(document(lines({sentence, "second " + sentence})), style));
    std::string words;
    for (const std::string& line : out) {
      EXPECT_LE(columns(line), width);
      const std::string bare = line.substr(line.find_first_not_of(' '));
      if (bare.starts_with("second")) words.clear();
      words += (words.empty() ? "" : " ") + bare;
    }
    EXPECT_EQ(words, "second " + sentence);
    EXPECT_EQ(out[0].substr(0, 3), "the");
    EXPECT_EQ(out[1].substr(0, 4), "    ");  // the rest of a line is indented
  }
}

TEST(Text, LeavesAWordThatIsLongerThanTheLineWhole) {
  TextStyle style;
  style.width = 40;
  const std::string path = "/" + std::string(150, 'p');
  const auto out = split(to_text(document(lines({path + " and on", "see " + path})), style));
  EXPECT_EQ(out[0], path);
  EXPECT_NE(std::find(out.begin(), out.end(), "    and on"), out.end());
  std::size_t whole = 0;
  for (const std::string& line : out) whole += line.find(path) != std::string::npos;
  EXPECT_EQ(whole, 2u);
}

TEST(Text, CutsTheLastColumnOnlyWhereAsked) {
  const Document d = document({"t", "", names_table({std::string(300, 'n'), "short"}), ""});
  for (const int width : {40, 80, 200}) {
    TextStyle style;
    style.width = width;
    style.cut = true;
    const auto cut = split(to_text(d, style));
    EXPECT_EQ(columns(cut[1]), width);
    EXPECT_TRUE(cut[1].ends_with("n…"));
    EXPECT_TRUE(cut[2].ends_with("short"));
    style.cut = false;
    EXPECT_TRUE(split(to_text(d, style))[1].ends_with(std::string(300, 'n')));
  }
  // A name that just fits is not cut.
  TextStyle style;
  style.width = 40;
  style.cut = true;
  const std::string before = split(to_text(document({"t", "", names_table({"x"}), ""}), style))[1];
  const std::string fits(40 - (before.size() - 1), 'f');
  EXPECT_TRUE(
      split(to_text(document({"t", "", names_table({fits}), ""}), style))[1].ends_with("f"));
  EXPECT_TRUE(
      split(to_text(document({"t", "", names_table({fits + "f"}), ""}), style))[1].ends_with("f…"));
}

TEST(Text, OfAPathThatIsTooWideKeepsWhoseItIsAndWhatItIs) {
  const auto cut_at = [](int room, Path path) {
    Table t;
    t.columns = {{"n", "N"}, {"path", "PATH"}};
    t.rows = {row({std::string(20, 'n'), std::move(path)})};
    TextStyle style;
    style.cut = true;
    style.width = 24 + room;  // two spaces before each column
    const std::string line = split(to_text(document({"t", "", t, ""}), style))[1];
    EXPECT_LE(columns(line), style.width);
    return line.substr(24);
  };
  const Path section{"code and data", "libc.so.6", "read-only r--", ".rodata"};
  EXPECT_EQ(cut_at(51, section), "code and data / libc.so.6 / read-only r-- / .rodata");
  EXPECT_EQ(cut_at(50, section), "… / libc.so.6 / read-only r-- / .rodata");
  EXPECT_EQ(cut_at(38, section), "… / libc.so.6 / … / .rodata");
  EXPECT_EQ(cut_at(26, section), "… / lib…so.6 / … / .rodata");
  EXPECT_EQ(cut_at(25, section), "… / .rodata");
  EXPECT_EQ(cut_at(30, {"stacks", "fifteen letters (4242)", "guard"}),
            "… / fifteen …rs (4242) / guard");
  const Path file{"mapped", "files", "/usr/lib/x86_64-linux-gnu/gconv/gconv-modules.cache"};
  EXPECT_EQ(cut_at(30, file), "… / /usr/lib/x86…modules.cache");
  EXPECT_EQ(cut_at(16, {"stacks", "worker (4242)"}), "… / worke…(4242)");
  EXPECT_EQ(cut_at(16, {"unexplained, and the name is long"}), "unexpla… is long");
  // A wide character is not cut in half, nor one of several bytes.
  for (int room = 16; room < 40; ++room) {
    std::string wide;
    for (int i = 0; i < 30; ++i) wide += "漢ü";
    const std::string text = cut_at(room, {"a", wide});
    EXPECT_NE(text.find("…"), std::string::npos);
    EXPECT_EQ(text.find("\\x"), std::string::npos);
  }
}

TEST(Text, AnAddressOfTheKernelsHalfMakesItsColumnNoWider) {
  Table t;
  t.columns = {{"start", "START"}, {"size", "SIZE"}, {"n", "NAME"}};
  t.rows = {row({Address{0x7f0000001000}, 132_KiB, std::string("a")}),
            row({Address{0xffffffffff600000}, 4_B, std::string("b")})};
  const auto out = split(to_text(document({"t", "", t, ""}), TextStyle{}));
  EXPECT_EQ(out[1], "  0x7f0000001000  132.0 KiB  a");
  EXPECT_EQ(out[2], "  0xffffffffff600000    4 B  b");
}

TEST(Text, LevelLinesStandAlikeAndTheRestOfOneHangs) {
  Record record{{}, {"  one        a b", "  two        " + std::string(41, 'c') + " and on"}};
  record.form = Record::Form::kLevel;
  record.hang = 13;
  TextStyle style;
  style.width = 60;
  const auto out = split(to_text(document({"", "", record, ""}), style));
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].find("one"), 2u);
  EXPECT_EQ(out[1].find("two"), 2u);
  EXPECT_EQ(out[2], "             on");
}

TEST(Text, SaysUnderATableWhatItsShownColumnsMeanAndWhichAreLeftOut) {
  Table t;
  t.columns = {{"n", "N", Column::kNeeded, "N is a number"},
               {"s", "SPARE", Column::kSpare, "SPARE is not needed"},
               {"j", "", Column::kNeeded, "nobody sees this"}};
  t.rows = {row({std::uint64_t{1}, std::uint64_t{2}, std::uint64_t{3}})};
  const Document d = document({"t", "", t, "sorted"});
  TextStyle style;
  style.cut = true;
  style.width = 200;
  EXPECT_EQ(split(to_text(d, style))[2], "  sorted; N is a number; SPARE is not needed");
  style.width = 80;
  EXPECT_EQ(split(to_text(d, style))[2], "  sorted; N is a number; wider adds SPARE");
}

TEST(Text, CutsUtf8BetweenCharacters) {
  std::string name;
  for (int i = 0; i < 100; ++i) name += "ü";
  for (int width = 40; width < 60; ++width) {
    TextStyle style;
    style.width = width;
    style.cut = true;
    const std::string line = split(to_text(document({"t", "", names_table({name}), ""}), style))[1];
    EXPECT_EQ(columns(line), width);
    EXPECT_TRUE(line.ends_with("ü…"));
  }
}

TEST(Text, LinesUpColumnsByCharactersNotBytes) {
  Table t;
  t.columns = {{"name", "NAME"}, {"n", "N"}};
  t.rows = {row({std::string("größe"), std::uint64_t{1}}),
            row({std::string("ab"), std::uint64_t{22}})};
  const auto out = split(to_text(document({"t", "", t, ""}), TextStyle{}));
  EXPECT_EQ(columns(out[1]), columns(out[2]));
  EXPECT_EQ(out[1], "  größe   1");
  EXPECT_EQ(out[2], "  ab     22");
  EXPECT_EQ(out[0], "  NAME    N");
}

TEST(Text, EscapesNamesOfTheTargetsChoosing) {
  const std::string text =
      to_text(document({"t", "", names_table({"\x1b[2J\n\xff\u202Eevil"}), ""}), TextStyle{});
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_NE(text.find("\\x1B[2J\\n\\xFF\\u{202E}evil"), std::string::npos);
  Table t;
  t.columns = {{"path", "PATH"}};
  t.rows = {row({Path{"a", "b\tc", "d"}})};
  EXPECT_NE(to_text(document({"t", "", t, ""}), TextStyle{}).find("a / b\\tc / d"),
            std::string::npos);
}

TEST(Text, IsColouredOnlyWhereAskedAndAlwaysEndsIt) {
  const Block block{"t", "Heading", names_table({"x"}), "a footnote"};
  TextStyle style;
  const std::string plain = to_text(document(block), style);
  EXPECT_EQ(plain.find('\x1b'), std::string::npos);
  style.colour = true;
  const std::string coloured = to_text(document(block), style);
  std::string stripped;
  std::size_t begun = 0, ended = 0;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] != '\x1b') {
      stripped += coloured[i];
      continue;
    }
    const std::size_t end = coloured.find('m', i);
    (coloured.substr(i, end - i) == "\x1b[0" ? ended : begun) += 1;
    i = end;
  }
  EXPECT_EQ(stripped, plain);
  EXPECT_GT(begun, 2u);
  EXPECT_EQ(begun, ended);
}

TEST(Text, ShowsNoHeadingOfWhatIsEmpty) {
  Document d;
  d.blocks.push_back(lines({"first"}));
  d.blocks.push_back({"empty", "Empty table", Table{{{"a", "A"}}, {}, false}, "its footnote"});
  d.blocks.push_back({"none", "No records", std::vector<Record>{}, ""});
  d.blocks.push_back({"notes", "Notes", std::vector<Record>{{{}, {"seen"}}}, ""});
  EXPECT_EQ(to_text(d, TextStyle{}), "first\n\nNotes\n  seen\n");
  EXPECT_EQ(to_text(Document{}, TextStyle{}), "");
  EXPECT_EQ(to_text(document(lines({""})), TextStyle{}), "\n");
}

TEST(Text, DrawsATreesBranches) {
  Table t;
  t.is_tree = true;
  t.columns = {{"bytes", "SIZE"}, {"", "NAME"}};
  t.rows = {row({5_B, std::string("root")}, 0),   row({3_B, std::string("a")}, 1),
            row({2_B, std::string("a1")}, 2),     row({1_B, std::string("a2")}, 2),
            row({1_B, std::string("hidden")}, 1), row({2_B, std::string("b")}, 1),
            row({1_B, std::string("b1")}, 2)};
  t.rows[4].shown = false;
  const auto out = split(to_text(document({"t", "", t, ""}), TextStyle{}));
  ASSERT_EQ(out.size(), 7u);
  EXPECT_TRUE(out[1].ends_with("  root"));
  EXPECT_TRUE(out[2].ends_with("  ├ a"));
  EXPECT_TRUE(out[3].ends_with("  │ ├ a1"));
  EXPECT_TRUE(out[4].ends_with("  │ └ a2"));
  EXPECT_TRUE(out[5].ends_with("  └ b"));
  EXPECT_TRUE(out[6].ends_with("    └ b1"));
}

TEST(Text, ShowsEveryKindOfCell) {
  Table t;
  t.columns = {{"", "A"}, {"", "B"}, {"", "C"}, {"", "D"}, {"", "E"},
               {"", "F"}, {"", "G"}, {"", "H"}, {"", "I"}};
  const auto least = std::numeric_limits<std::int64_t>::min();
  t.rows = {row({std::monostate{}, 1_KiB, SignedBytes{-2048}, SignedBytes{2048}, SignedBytes{least},
                 Percent{12.345}, Milliseconds{1.25}, Address{0x7ff0}, true})};
  const std::string out = to_text(document({"t", "", t, ""}), TextStyle{});
  for (const char* text :
       {"-", "1.0 KiB", "-2.0 KiB", "+2.0 KiB", "-8.0 EiB", "12.3 %", "1.2 ms", "0x7ff0", "yes"}) {
    EXPECT_NE(out.find(text), std::string::npos) << text << " in " << out;
  }
}

TEST(Text, ASignedMaximumIsShownWhole) {
  Table t;
  t.columns = {{"", "A"}, {"", "B"}};
  t.rows = {row({SignedBytes{std::numeric_limits<std::int64_t>::max()}, Bytes{~0ull}})};
  const std::string out = to_text(document({"t", "", t, ""}), TextStyle{});
  EXPECT_NE(out.find("+8.0 EiB"), std::string::npos);
  EXPECT_NE(out.find("16.0 EiB"), std::string::npos);
}

/// `rows` times an address, a number that grows and, in every other row, a name.
Block counting(std::uint64_t rows) {
  Stream stream;
  stream.columns = {{"at", "AT"}, {"n", "N"}, {"hidden", ""}, {"name", "NAME"}};
  stream.widest = {Address{0x100000}, std::uint64_t{123'456}, true, std::string("longer")};
  stream.next = [rows, n = std::uint64_t{0}](std::vector<Cell>& row) mutable {
    if (n == rows) return false;
    row[0] = Address{0x100 + n};
    row[1] = n;
    row[3] = n % 2 == 0 ? Cell{} : Cell{std::string("name")};
    ++n;
    return true;
  };
  return {"rows", "Rows", std::move(stream), "so many"};
}

TEST(Text, AStreamHasTheWidthsOfItsWidestRow) {
  EXPECT_EQ(to_text(document(counting(2)), TextStyle{}),
            "Rows\n"
            "        AT       N  NAME\n"
            "     0x100       0  -\n"
            "     0x101       1  name\n"
            "  so many\n");
  EXPECT_EQ(to_text(document(counting(0)), TextStyle{}), "");
}

TEST(Text, AStreamIsWrittenInPiecesAndEndsWhereWritingFails) {
  constexpr std::uint64_t kRows = 50'000;
  Document d = document(counting(kRows));
  d.blocks.push_back({"", "Nothing", Record{}, "not shown"});
  d.blocks.push_back(lines({"the end"}));
  std::size_t pieces = 0;
  std::string all;
  EXPECT_TRUE(write_text(d, TextStyle{}, [&](std::string_view piece) -> Result<void> {
    ++pieces;
    all += piece;
    return {};
  }));
  EXPECT_GT(pieces, 5u);
  const auto out = split(all);
  ASSERT_EQ(out.size(), kRows + 4);
  EXPECT_EQ(out[2], "     0x100       0  -");
  EXPECT_EQ(out[kRows + 1], "    0xc44f   49999  name");
  EXPECT_EQ(out[kRows + 3], "the end");
  pieces = 0;
  const auto failed =
      write_text(document(counting(~0ull)), TextStyle{}, [&](std::string_view) -> Result<void> {
        return ++pieces == 3 ? Result<void>(fail(Cause::kUsage, "full")) : Result<void>();
      });
  ASSERT_FALSE(failed);
  EXPECT_EQ(pieces, 3u);
}

}  // namespace
}  // namespace strata
