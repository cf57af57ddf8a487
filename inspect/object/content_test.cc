#include "inspect/object/content.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace strata {
namespace {

using namespace std::string_literals;

constexpr Range kMapped{Address{0x5555'0000'0000}, Address{0x5555'1000'0000}};
bool is_mapped(Address a) { return kMapped.contains(a); }
bool is_never(Address) { return false; }

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}
Content content_of(std::string_view text) {
  return classify(bytes_of(text), Bytes{text.size()}, is_mapped);
}
Content content_of(const std::vector<std::uint64_t>& words) {
  return classify(std::as_bytes(std::span(words)), Bytes{words.size() * 8}, is_mapped);
}
ContentKind kind_of(std::string_view text) { return content_of(text).kind; }
ContentKind kind_of(const std::vector<std::uint64_t>& words) { return content_of(words).kind; }
std::string wide(std::u16string_view text) {
  std::string bytes(text.size() * 2, '\0');
  std::memcpy(bytes.data(), text.data(), bytes.size());
  return bytes;
}
std::string shown(const std::string& text, Bytes most = 64_B) {
  return excerpt(bytes_of(text), content_of(text), most);
}

TEST(Content, NothingSeenIsNotZeros) {
  EXPECT_EQ(classify({}, 100_B, is_mapped).kind, ContentKind::kUnseen);
  EXPECT_EQ(kind_of(std::string(64, '\0')), ContentKind::kZeros);
  EXPECT_EQ(kind_of("\0"s), ContentKind::kZeros);
}

TEST(Content, MostOfTheWordsThatAreSetArePointers) {
  const std::uint64_t pointer = kMapped.start.value + 0x10;
  EXPECT_EQ(kind_of({pointer}), ContentKind::kPointers);
  EXPECT_EQ(kind_of({0, 0, pointer, 0}), ContentKind::kPointers);
  EXPECT_EQ(kind_of({pointer, pointer, 17}), ContentKind::kPointers);
  EXPECT_EQ(kind_of({pointer, 17}), ContentKind::kBytes) << "half is not most";
  EXPECT_EQ(kind_of({pointer, 17, 3}), ContentKind::kBytes);
  // The bytes of this address read "AAAAUU": a pointer is not taken for a name.
  EXPECT_EQ(kind_of({0x5555'0041'4141}), ContentKind::kPointers);
}

TEST(Content, TextEndsAtItsNulWhateverFollows) {
  const Content content = content_of("a sentence\0\xFF\x01\x02garbage"s);
  EXPECT_EQ(content, (Content{ContentKind::kText, TextEncoding::kUtf8, 10_B, true}));
  EXPECT_EQ(content_of("12345678"), (Content{ContentKind::kText, TextEncoding::kUtf8, 8_B, true}))
      << "the end of the block ends it";
}

TEST(Content, TextThatGoesOnBehindWhatWasSeenIsNotEnded) {
  const std::string text(100, 'x');
  EXPECT_EQ(classify(bytes_of(text), 4_KiB, is_mapped),
            (Content{ContentKind::kText, TextEncoding::kUtf8, 100_B, false}));
  const std::string cut = std::string(40, 'x') + "\xE2\x82";  // the first two bytes of a euro
  EXPECT_EQ(classify(bytes_of(cut), 4_KiB, is_mapped),
            (Content{ContentKind::kText, TextEncoding::kUtf8, 40_B, false}));
}

TEST(Content, ShortTextIsANameOrNothing) {
  EXPECT_EQ(kind_of("hello\0"s), ContentKind::kText);
  EXPECT_EQ(kind_of("a.out\0\0\0"s), ContentKind::kText);
  EXPECT_EQ(kind_of("main\0\0\0\0"s), ContentKind::kBytes) << "four letters are a number too";
  EXPECT_EQ(kind_of("hello"s), ContentKind::kBytes) << "nothing ends it as text";
  EXPECT_EQ(kind_of("{$%&}\0\0\0"s), ContentKind::kBytes);
}

TEST(Content, ABufferUsedAnewIsTextByHalfOfIt) {
  const std::string line(40, 'l');
  EXPECT_EQ(kind_of(line + std::string(40, '\x01')), ContentKind::kText);
  EXPECT_EQ(kind_of(line + std::string(41, '\x01')), ContentKind::kBytes);
  EXPECT_EQ(kind_of(std::string(31, 'l') + "\x01"), ContentKind::kBytes);
}

TEST(Content, Utf8IsTextAndWhatOnlyLooksLikeItIsNot) {
  EXPECT_EQ(kind_of("Gr\xC3\xBC\xC3\x9F Gott\0"s), ContentKind::kText);
  EXPECT_EQ(kind_of("\xF0\x9F\x8E\x89\xF0\x9F\x8E\x89"), ContentKind::kText);
  EXPECT_EQ(kind_of("line\n\ttab\r\n\x1B[1m"), ContentKind::kText);
  for (const char* const text :
       {"\xC0\x80\xC0\x80\xC0\x80\xC0\x80", "\xED\xA0\x80\xED\xA0\x80xxx", "\xF4\x90\x80\x80xxxxx",
        "xxxxxxx\x7F", "xxxxxxx\xC2\x80", "xxxxxxx\x80", "xxxxx\xEF\xBF\xBF", "xxxxxxx\xFF"}) {
    EXPECT_EQ(kind_of(text), ContentKind::kBytes) << text;
  }
}

TEST(Content, Utf16IsTextWhereItIsLatin) {
  EXPECT_EQ(content_of(wide(u"a name\0\xFFFF"s.substr(0, 7))),
            (Content{ContentKind::kText, TextEncoding::kUtf16, 12_B, true}));
  EXPECT_EQ(shown(wide(u"na\u00EFve \u20AC text")), "na\xC3\xAFve \xE2\x82\xAC text");
  EXPECT_EQ(shown(wide(u"party \U0001F389 time")), "party \xF0\x9F\x8E\x89 time");
  EXPECT_EQ(kind_of(wide(u"short")), ContentKind::kBytes);
  EXPECT_EQ(kind_of(wide(u"\u043F\u0440\u0438\u0432\u0435\u0442")), ContentKind::kBytes)
      << "of other scripts it cannot be told from numbers";
  std::u16string lone = u"a lone half ";
  lone += char16_t{0xD83C};
  EXPECT_EQ(kind_of(wide(lone + u"x")), ContentKind::kBytes);
}

TEST(Content, AnExcerptIsBoundedAndWholeInItsCharacters) {
  EXPECT_EQ(shown("password=hunter2\0rest"s), "password=hunter2");
  EXPECT_EQ(shown(std::string(1000, 'x')), std::string(64, 'x'));
  EXPECT_EQ(shown("1234567\xE2\x82\xAC!", 9_B), "1234567");
  EXPECT_EQ(shown("1234567\xE2\x82\xAC!", 10_B), "1234567\xE2\x82\xAC");
  EXPECT_EQ(shown(std::string(64, '\x01')), "") << "bytes have no excerpt";
  EXPECT_EQ(excerpt(bytes_of("short"), {ContentKind::kText, TextEncoding::kUtf8, 4_KiB, true}),
            "short")
      << "also with a length that is not its own";
}

TEST(Content, NoMoreIsLookedAtThanABlockHas) {
  const std::string text = "within \x01\x01\x01";
  EXPECT_EQ(classify(bytes_of(text), 7_B, is_mapped).kind, ContentKind::kBytes);
  const std::string large(kMostSeen.value + 100, 'x');
  EXPECT_EQ(classify(bytes_of(large), Bytes{large.size()}, is_mapped),
            (Content{ContentKind::kText, TextEncoding::kUtf8, kMostSeen, false}));
}

// What the header says of random bytes, and that whatever is answered holds together.
TEST(Content, RandomBytesAreNearlyNeverText) {
  std::mt19937_64 random(11);
  int texts = 0;
  constexpr int kRounds = 200'000;
  for (int round = 0; round < kRounds; ++round) {
    std::uint64_t words[6];
    for (std::uint64_t& word : words) word = random();
    const auto seen = std::as_bytes(std::span(words)).first(8 + random() % 41);
    const Content content = classify(seen, Bytes{seen.size()}, is_never);
    EXPECT_NE(content.kind, ContentKind::kPointers);
    if (content.kind != ContentKind::kText) continue;
    ++texts;
    EXPECT_LE(content.text_size.value, seen.size());
    EXPECT_LE(excerpt(seen, content).size(), 64u);
  }
  // Blocks of 8 bytes are the likeliest: one in 500 of them, and 1 in 41 is as short.
  EXPECT_LE(texts, kRounds / 5'000);
}

TEST(Content, RandomNumbersAreNearlyNeverNames) {
  std::mt19937_64 random(12);
  int texts = 0;
  constexpr int kRounds = 200'000;
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<std::uint64_t> words = {random() >> 24, random() >> 32, random() >> 40};
    if (kind_of(words) == ContentKind::kText) ++texts;
  }
  EXPECT_LE(texts, kRounds / 500);
}

// Words out of few characters, cut anywhere: classify() says text of just what is, and its excerpt
// is a prefix of what went in.
TEST(Content, RandomTextIsKnownWhereverItIsCut) {
  std::mt19937_64 random(13);
  const std::vector<std::string> characters = {
      "a", "Z", " ", "\n", "\xC3\xA4", "\xD0\x96", "\xE2\x82\xAC", "\xF0\x9F\x8E\x89"};
  for (int round = 0; round < 20'000; ++round) {
    std::string text;
    while (text.size() < 12) text += characters[random() % characters.size()];
    for (auto more = random() % 100; more != 0; --more) {
      text += characters[random() % characters.size()];
    }
    const std::size_t cut = 11 + random() % (text.size() - 10);
    const auto seen = bytes_of(text).first(cut);
    const Content content = classify(seen, Bytes{text.size()}, is_mapped);
    ASSERT_EQ(content.kind, ContentKind::kText) << text;
    ASSERT_LE(content.text_size.value, cut);
    ASSERT_LT(cut - content.text_size.value, 4u) << "at most a part of a character is left";
    ASSERT_EQ(content.text_ended, cut == text.size());
    ASSERT_TRUE(text.starts_with(excerpt(seen, content)));
  }
}

}  // namespace
}  // namespace strata
