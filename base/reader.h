// base/reader.h - the one way through which bytes that are not ours are taken apart.
// Errors  kCorrupt with what was wanted and the offset, when the bytes end too early.
//         Nothing is read past the span; nothing is assumed of alignment.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/result.h"
#include "base/units.h"

namespace strata {

class Reader {
 public:
  /// `what` names the bytes in messages ("note NT_FILE") and must outlive the reader.
  Reader(std::span<const std::byte> bytes, std::string_view what) : bytes_(bytes), what_(what) {}

  std::size_t offset() const { return offset_; }
  std::size_t left() const { return bytes_.size() - offset_; }

  Result<void> seek(std::size_t offset) {
    if (offset > bytes_.size()) return ends_early("seek", offset - offset_);
    offset_ = offset;
    return {};
  }

  template <class T>
  Result<T> take(std::string_view field) {
    static_assert(std::is_trivially_copyable_v<T>);
    if (left() < sizeof(T)) return ends_early(field, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + offset_, sizeof(T));
    offset_ += sizeof(T);
    return value;
  }

  /// The bytes up to the next NUL, which is taken and left out.
  Result<std::string_view> take_string(std::string_view field) {
    const char* start = reinterpret_cast<const char*>(bytes_.data()) + offset_;
    const void* end = left() == 0 ? nullptr : std::memchr(start, 0, left());
    if (end == nullptr) return ends_early(field, left() + 1);
    const std::string_view text(start, static_cast<const char*>(end) - start);
    offset_ += text.size() + 1;
    return text;
  }

  Result<std::span<const std::byte>> take_bytes(std::string_view field, std::size_t size) {
    if (left() < size) return ends_early(field, size);
    const auto taken = bytes_.subspan(offset_, size);
    offset_ += size;
    return taken;
  }

 private:
  Failure ends_early(std::string_view field, std::size_t wanted) const {
    return fail(Cause::kCorrupt, "{} ends at offset {}: {} bytes wanted for {}, {} left", what_,
                bytes_.size(), wanted, field, left());
  }

  std::span<const std::byte> bytes_;
  std::string_view what_;
  std::size_t offset_ = 0;
};

}  // namespace strata
