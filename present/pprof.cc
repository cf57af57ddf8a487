#include "present/pprof.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace strata {
namespace {

/// A message of protobuf's, written field by field. Fields that are 0 are left out, as it has them.
class Message {
 public:
  void number(unsigned field, std::uint64_t value) {
    if (value == 0) return;
    tag(field, 0);
    varint(value);
  }
  void text(unsigned field, std::string_view value) {
    tag(field, 2);
    varint(value.size());
    bytes_.append(value);
  }
  void message(unsigned field, const Message& value) { text(field, value.bytes_); }
  void numbers(unsigned field, const std::vector<std::uint64_t>& values) {
    Message packed;
    for (const std::uint64_t value : values) packed.varint(value);
    message(field, packed);
  }
  std::string take() { return std::move(bytes_); }

 private:
  void tag(unsigned field, unsigned type) { varint(field << 3 | type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_ += static_cast<char>(value | 0x80);
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

/// Each text once, by its number; the empty one is 0.
class Strings {
 public:
  std::uint64_t of(std::string_view text) {
    const auto [at, is_new] = numbers_.emplace(text, texts_.size());
    if (is_new) texts_.emplace_back(text);
    return at->second;
  }
  /// protobuf's texts are UTF-8, and a target's names may be anything.
  void write(Message& into, unsigned field) const {
    for (std::string text : texts_) {
      std::replace_if(
          text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; },
          '?');
      into.text(field, text);
    }
  }

 private:
  std::vector<std::string> texts_{""};
  std::unordered_map<std::string, std::uint64_t> numbers_{{"", 0}};
};

std::uint64_t rounded(double value) {
  constexpr double kMost = 9.2e18;
  return static_cast<std::uint64_t>(std::clamp(value + 0.5, 0.0, kMost));
}

class Writing {
 public:
  explicit Writing(const HeapProfile& profile) : profile_(profile) {}

  std::string write(std::int64_t time) {
    value_type(1, "alloc_objects", "count");
    value_type(1, "alloc_space", "bytes");
    value_type(1, "inuse_objects", "count");
    value_type(1, "inuse_space", "bytes");
    for (const ProfileStack& stack : profile_.stacks) write(stack);
    for (std::size_t i = 0; i < profile_.mappings.size(); ++i) write(i, profile_.mappings[i]);
    for (std::size_t i = 0; i < profile_.frames.size(); ++i) write(i, profile_.frames[i]);
    out_.number(9, static_cast<std::uint64_t>(time));
    value_type(11, "space", "bytes");
    out_.number(12, profile_.mean.value);
    out_.number(14, strings_.of("inuse_space"));
    strings_.write(out_, 6);
    return out_.take();
  }

 private:
  void value_type(unsigned field, std::string_view type, std::string_view unit) {
    Message message;
    message.number(1, strings_.of(type));
    message.number(2, strings_.of(unit));
    out_.message(field, message);
  }
  void write(const ProfileStack& stack) {
    std::vector<std::uint64_t> locations;
    for (const std::size_t frame : stack.frames) locations.push_back(frame + 1);
    Message sample;
    sample.numbers(1, locations);
    sample.numbers(2, {rounded(stack.total_blocks), rounded(stack.total_bytes),
                       rounded(stack.live_blocks), rounded(stack.live_bytes)});
    out_.message(2, sample);
  }
  void write(std::size_t index, const ProfileMapping& mapping) {
    Message message;
    message.number(1, index + 1);
    message.number(2, mapping.range.start.value);
    message.number(3, mapping.range.end.value);
    message.number(4, mapping.offset.value);
    message.number(5, strings_.of(mapping.path));
    message.number(6, strings_.of(mapping.build_id));
    message.number(7, mapping.has_names ? 1 : 0);
    out_.message(3, message);
  }
  void write(std::size_t index, const ProfileFrame& frame) {
    Message location;
    location.number(1, index + 1);
    location.number(2, frame.mapping ? *frame.mapping + 1 : 0);
    // In the call, not behind it.
    location.number(3, (frame.caller - 1_B).value);
    if (!frame.symbol.empty()) {
      Message line;
      line.number(1, function_of(frame));
      location.message(4, line);
    }
    out_.message(4, location);
  }
  std::uint64_t function_of(const ProfileFrame& frame) {
    const auto [at, is_new] = functions_.emplace(frame.symbol, functions_.size() + 1);
    if (is_new) {
      Message function;
      function.number(1, at->second);
      function.number(2, strings_.of(frame.name));
      function.number(3, strings_.of(frame.symbol));
      out_.message(5, function);
    }
    return at->second;
  }

  const HeapProfile& profile_;
  Message out_;
  Strings strings_;
  std::unordered_map<std::string, std::uint64_t> functions_;
};

}  // namespace

std::string pprof_of(const HeapProfile& profile, std::int64_t time) {
  return Writing(profile).write(time);
}

Result<std::string> gzipped(const std::string& bytes) {
  z_stream stream{};
  constexpr int kGzip = 16 + MAX_WBITS, kMemory = 8;
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return fail(Cause::kSystem, "zlib has no memory to compress {} bytes", bytes.size());
  }
  std::string result;
  char window[65536];
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  std::size_t left = bytes.size();
  int state = Z_OK;
  while (state == Z_OK) {
    const auto now = static_cast<uInt>(std::min<std::size_t>(left, 1u << 30));
    if (stream.avail_in == 0) {
      stream.avail_in = now;
      left -= now;
    }
    stream.next_out = reinterpret_cast<Bytef*>(window);
    stream.avail_out = sizeof window;
    state = deflate(&stream, left == 0 ? Z_FINISH : Z_NO_FLUSH);
    result.append(window, sizeof window - stream.avail_out);
  }
  deflateEnd(&stream);
  if (state != Z_STREAM_END) return fail(Cause::kSystem, "zlib failed with {}", state);
  return result;
}

}  // namespace strata
