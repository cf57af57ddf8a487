// The fields are taken apart by their published numbers, as any reader of protobuf does.
#include "present/pprof.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <map>
#include <string_view>
#include <vector>

namespace strata {
namespace {

struct Field {
  std::uint64_t number = 0;
  std::string_view text;
};
using Fields = std::multimap<unsigned, Field>;

std::uint64_t varint(std::string_view& rest) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; !rest.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(rest[0]);
    rest.remove_prefix(1);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) break;
  }
  return value;
}
Fields parse(std::string_view rest) {
  Fields fields;
  while (!rest.empty()) {
    const std::uint64_t tag = varint(rest);
    Field field;
    if ((tag & 7) == 0) {
      field.number = varint(rest);
    } else {
      EXPECT_EQ(tag & 7, 2u);
      const std::uint64_t length = varint(rest);
      EXPECT_LE(length, rest.size());
      field.text = rest.substr(0, length);
      rest.remove_prefix(length);
    }
    fields.emplace(static_cast<unsigned>(tag >> 3), field);
  }
  return fields;
}
std::vector<std::uint64_t> packed(std::string_view rest) {
  std::vector<std::uint64_t> numbers;
  while (!rest.empty()) numbers.push_back(varint(rest));
  return numbers;
}
std::vector<std::string_view> texts(const Fields& fields, unsigned number) {
  std::vector<std::string_view> found;
  const auto [first, last] = fields.equal_range(number);
  for (auto at = first; at != last; ++at) found.push_back(at->second.text);
  return found;
}
std::uint64_t number(const Fields& fields, unsigned field) {
  const auto found = fields.find(field);
  return found == fields.end() ? 0 : found->second.number;
}

HeapProfile known() {
  HeapProfile profile;
  profile.mean = 512_KiB;
  profile.mappings = {{{Address{0x400000}, Address{0x500000}}, 4_KiB, "/bin/shop", "ab12", true}};
  profile.frames = {{Address{0x400105}, 0, "_ZN4shop4loadEv", "shop::load", false},
                    {Address{0x7000}, std::nullopt, "", "0x7000", false},
                    {Address{0x400205}, 0, "_ZN4shop4loadEv", "shop::load", false}};
  profile.stacks.resize(1);
  profile.stacks[0].frames = {0, 2, 1};
  profile.stacks[0].live_bytes = 300.6;
  profile.stacks[0].live_blocks = 2.4;
  profile.stacks[0].total_bytes = 1e6;
  profile.stacks[0].total_blocks = 70;
  return profile;
}

TEST(Pprof, HasEachFieldUnderItsNumber) {
  const std::string bytes = pprof_of(known(), 1234567890123456789);
  const Fields profile = parse(bytes);
  const auto strings = texts(profile, 6);
  ASSERT_FALSE(strings.empty());
  EXPECT_EQ(strings[0], "");
  std::vector<std::string_view> types;
  for (const auto type : texts(profile, 1)) types.push_back(strings[number(parse(type), 1)]);
  const std::vector<std::string_view> expected{"alloc_objects", "alloc_space", "inuse_objects",
                                               "inuse_space"};
  EXPECT_EQ(types, expected);
  EXPECT_EQ(strings[number(profile, 14)], "inuse_space");
  EXPECT_EQ(number(profile, 12), 524288u);
  EXPECT_EQ(number(profile, 9), 1234567890123456789u);

  const auto samples = texts(profile, 2);
  ASSERT_EQ(samples.size(), 1u);
  const Fields sample = parse(samples[0]);
  EXPECT_EQ(packed(texts(sample, 1)[0]), (std::vector<std::uint64_t>{1, 3, 2}));
  EXPECT_EQ(packed(texts(sample, 2)[0]), (std::vector<std::uint64_t>{70, 1000000, 2, 301}));

  const Fields mapping = parse(texts(profile, 3)[0]);
  EXPECT_EQ(number(mapping, 1), 1u);
  EXPECT_EQ(number(mapping, 2), 0x400000u);
  EXPECT_EQ(number(mapping, 3), 0x500000u);
  EXPECT_EQ(number(mapping, 4), 4096u);
  EXPECT_EQ(strings[number(mapping, 5)], "/bin/shop");
  EXPECT_EQ(strings[number(mapping, 6)], "ab12");

  const auto locations = texts(profile, 4);
  ASSERT_EQ(locations.size(), 3u);
  const Fields location = parse(locations[0]);
  EXPECT_EQ(number(location, 1), 1u);
  EXPECT_EQ(number(location, 2), 1u);
  EXPECT_EQ(number(location, 3), 0x400104u);
  EXPECT_EQ(number(parse(locations[1]), 2), 0u);
  EXPECT_TRUE(texts(parse(locations[1]), 4).empty());

  const auto functions = texts(profile, 5);
  ASSERT_EQ(functions.size(), 1u) << "one function, however many places in it";
  const Fields function = parse(functions[0]);
  EXPECT_EQ(number(parse(texts(location, 4)[0]), 1), number(function, 1));
  EXPECT_EQ(strings[number(function, 2)], "shop::load");
  EXPECT_EQ(strings[number(function, 3)], "_ZN4shop4loadEv");
}

TEST(Pprof, EveryTextIsOneThatProtobufTakes) {
  HeapProfile profile = known();
  profile.mappings[0].path = "/bin/\xff\xfe";
  for (const auto text : texts(parse(pprof_of(profile, 1)), 6)) {
    for (const char c : text) EXPECT_LT(static_cast<unsigned char>(c), 0x80);
  }
}

TEST(Pprof, IsWhatItWasWhenItIsUnpacked) {
  for (const std::size_t size : {0, 1, 1000, 300'000}) {
    std::string bytes;
    for (std::size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * i / 7);
    auto packed_bytes = gzipped(bytes);
    ASSERT_TRUE(packed_bytes.has_value());
    std::string again(size + 1, '\0');
    z_stream stream{};
    ASSERT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(packed_bytes->data());
    stream.avail_in = static_cast<uInt>(packed_bytes->size());
    stream.next_out = reinterpret_cast<Bytef*>(again.data());
    stream.avail_out = static_cast<uInt>(again.size());
    EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
    again.resize(stream.total_out);
    inflateEnd(&stream);
    EXPECT_EQ(again, bytes);
  }
}

}  // namespace
}  // namespace strata
