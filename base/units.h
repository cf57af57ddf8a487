// base/units.h - how much and where: sizes, addresses and ranges as types of their own.
// Units   Bytes is a size, Address a place in the target's address space; adding two
//         addresses, or a size to a page count, does not compile.
// Errors  none: arithmetic saturates where a hostile input could overflow it.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <limits>

namespace strata {

/// A number of bytes.
struct Bytes {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const Bytes&) const = default;
  constexpr Bytes& operator+=(Bytes other) {
    value += other.value;
    return *this;
  }
  constexpr Bytes& operator-=(Bytes other) {
    value -= other.value;
    return *this;
  }
};

constexpr Bytes operator+(Bytes a, Bytes b) { return Bytes{a.value + b.value}; }
constexpr Bytes operator-(Bytes a, Bytes b) { return Bytes{a.value - b.value}; }
constexpr Bytes operator*(Bytes a, std::uint64_t n) { return Bytes{a.value * n}; }
constexpr std::uint64_t operator/(Bytes a, Bytes b) { return a.value / b.value; }
constexpr Bytes operator""_B(unsigned long long n) { return Bytes{n}; }
constexpr Bytes operator""_KiB(unsigned long long n) { return Bytes{n << 10}; }
constexpr Bytes operator""_MiB(unsigned long long n) { return Bytes{n << 20}; }
constexpr Bytes operator""_GiB(unsigned long long n) { return Bytes{n << 30}; }

/// `a - b`, or nothing where b is the larger.
constexpr Bytes saturating_sub(Bytes a, Bytes b) { return a > b ? a - b : Bytes{}; }

/// A place in the target's address space.
struct Address {
  std::uint64_t value = 0;

  constexpr auto operator<=>(const Address&) const = default;
};

/// Moves up; stops at the end of the address space instead of wrapping.
constexpr Address operator+(Address a, Bytes n) {
  const std::uint64_t sum = a.value + n.value;
  return Address{sum < a.value ? std::numeric_limits<std::uint64_t>::max() : sum};
}
/// Moves down; stops at zero.
constexpr Address operator-(Address a, Bytes n) {
  return Address{a.value > n.value ? a.value - n.value : 0};
}
/// The distance from `b` up to `a`; `a` must not be below `b`.
constexpr Bytes operator-(Address a, Address b) { return Bytes{a.value - b.value}; }

/// Bytes from `start` up to, not including, `end`.
struct Range {
  Address start;
  Address end;

  constexpr auto operator<=>(const Range&) const = default;
  constexpr Bytes size() const { return end > start ? end - start : Bytes{}; }
  constexpr bool empty() const { return end <= start; }
  constexpr bool contains(Address a) const { return start <= a && a < end; }
  constexpr bool contains(Range r) const { return start <= r.start && r.end <= end; }
  constexpr bool overlaps(Range r) const { return start < r.end && r.start < end; }
};

constexpr Range range_of(Address start, Bytes size) { return {start, start + size}; }
/// What two ranges share; empty where they do not meet.
constexpr Range intersection(Range a, Range b) {
  const Address start = std::max(a.start, b.start);
  return {start, std::max(start, std::min(a.end, b.end))};
}

/// The page size of this machine, which is also the target's.
Bytes page_size();

/// `a` rounded down, and up, to a multiple of `unit`, a power of two.
constexpr Address round_down(Address a, Bytes unit) { return {a.value & ~(unit.value - 1)}; }
constexpr Address round_up(Address a, Bytes unit) {
  return round_down(a + (unit - Bytes{1}), unit);
}
constexpr Bytes round_up(Bytes n, Bytes unit) {
  return {(n.value + unit.value - 1) & ~(unit.value - 1)};
}

}  // namespace strata
