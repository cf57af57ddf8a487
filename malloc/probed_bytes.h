// malloc/probed_bytes.h - numbers as DWARF writes them, read one after the other between two
// bounds. Errors  what is beyond the end, or not mapped, reads as 0 and makes it bad() from there
// on. Source  DWARF 5, 7.6 (LEB128); LSB Core 10.5 (DW_EH_PE_…).
#pragma once

#include <cstdint>

#include "malloc/probe.h"

namespace strata::alloc {

class ProbedBytes {
 public:
  ProbedBytes(Probe& probe, std::uintptr_t at, std::uintptr_t end)
      : probe_(probe), at_(at), end_(end), is_bad_(at > end) {}

  bool is_bad() const { return is_bad_; }
  bool is_over() const { return is_bad_ || at_ >= end_; }
  std::uintptr_t at() const { return at_; }

  std::uint64_t number(unsigned bytes) {
    std::uint64_t result = 0;
    if (is_bad_ || end_ - at_ < bytes || !probe_.read_bytes(at_, bytes, result)) {
      is_bad_ = true;
      return 0;
    }
    at_ += bytes;
    return result;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::int64_t signed_number(unsigned bytes) {
    const unsigned unused = 64 - 8 * bytes;
    return static_cast<std::int64_t>(number(bytes) << unused) >> unused;
  }
  std::uint64_t uleb() {
    std::uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      result |= std::uint64_t{byte & 0x7fu} << shift;
      if ((byte & 0x80) == 0) return result;
    }
    is_bad_ = true;
    return 0;
  }
  std::int64_t sleb() {
    std::uint64_t result = 0;
    for (unsigned shift = 0; shift < 64;) {
      const std::uint8_t byte = u8();
      result |= std::uint64_t{byte & 0x7fu} << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      if ((byte & 0x40) != 0 && shift < 64) result |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(result);
    }
    is_bad_ = true;
    return 0;
  }
  void skip(std::uint64_t bytes) {
    if (is_bad_ || bytes > end_ - at_) {
      is_bad_ = true;
    } else {
      at_ += bytes;
    }
  }

  /// A pointer in one of the encodings that linkers write; what is indirect is only passed over.
  std::uint64_t pointer(std::uint8_t encoding) {
    const std::uintptr_t from = at_;
    std::uint64_t value = 0;
    switch (encoding & 0x0f) {
      case 0x00:
      case 0x04:
      case 0x0c:
        value = number(8);
        break;
      case 0x02:
        value = number(2);
        break;
      case 0x03:
        value = number(4);
        break;
      case 0x0a:
        value = static_cast<std::uint64_t>(signed_number(2));
        break;
      case 0x0b:
        value = static_cast<std::uint64_t>(signed_number(4));
        break;
      default:
        is_bad_ = true;
    }
    return (encoding & 0x70) == 0x10 ? from + value : value;
  }

 private:
  Probe& probe_;
  std::uintptr_t at_;
  const std::uintptr_t end_;
  bool is_bad_;
};

}  // namespace strata::alloc
