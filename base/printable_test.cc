#include "base/printable.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

using namespace std::string_view_literals;

TEST(Printable, LeavesPlainNamesAlone) {
  EXPECT_EQ(printable(""), "");
  EXPECT_EQ(printable("redis-server *:6379"), "redis-server *:6379");
  EXPECT_EQ(printable("größe 内存 память 🧱"), "größe 内存 память 🧱");
}

TEST(Printable, EscapesWhatATerminalActsOn) {
  EXPECT_EQ(printable("a\nb\tc\\d"), "a\\nb\\tc\\\\d");
  EXPECT_EQ(printable("\x1b[2J\r\x7f\0x"sv), "\\x1B[2J\\x0D\\x7F\\x00x");
  EXPECT_EQ(printable("\xc2\x9b"
                      "31m"),
            "\\u{009B}31m");  // CSI in one character
  EXPECT_EQ(printable("\x9b"
                      "31m"),
            "\\x9B31m");  // and in one byte
}

TEST(Printable, EscapesWhatHidesOrReorders) {
  EXPECT_EQ(printable("a\u202Eb"), "a\\u{202E}b");
  EXPECT_EQ(printable("a\u200Bb\uFEFF\u2066"), "a\\u{200B}b\\u{FEFF}\\u{2066}");
  EXPECT_EQ(printable("pass\u00ADword"), "pass\\u{00AD}word");
  EXPECT_EQ(printable("\U000E0041"), "\\u{E0041}");  // a tag character: an A that nobody sees
  EXPECT_EQ(printable("\u2028"), "\\u{2028}");
}

TEST(Printable, EscapesWhatIsNotUtf8ByteByByte) {
  EXPECT_EQ(printable("\xff\xfe"), "\\xFF\\xFE");
  EXPECT_EQ(printable("\xc3"), "\\xC3");  // cut off
  EXPECT_EQ(printable("\xe2\x82"), "\\xE2\\x82");
  EXPECT_EQ(printable("\xe2\x82z"), "\\xE2\\x82z");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xC0\\xAF");           // "/" in two bytes
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xE0\\x80\\xAF");  // and in three
  EXPECT_EQ(printable("\xf0\x80\x80\xaf"), "\\xF0\\x80\\x80\\xAF");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xED\\xA0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xF4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xf4\x8f\xbf\xbd"), "\xf4\x8f\xbf\xbd");
  EXPECT_EQ(printable("\xf5\x80\x80\x80"), "\\xF5\\x80\\x80\\x80");
}

TEST(Printable, KeepsDifferentNamesDifferent) {
  EXPECT_NE(printable("\xc2\x9b"), printable("\x9b"));
  EXPECT_NE(printable("\n"), printable("\\n"));
  EXPECT_NE(printable("\u200b"), printable("\\u{200B}"));
}

TEST(Joined, MakesEachNameOfAPathPrintable) {
  EXPECT_EQ(joined({}), "");
  EXPECT_EQ(joined({"heap"}), "heap");
  EXPECT_EQ(joined({"mapped", "files", "\x1b[2J\n"}), "mapped / files / \\x1B[2J\\n");
}

}  // namespace
}  // namespace strata
