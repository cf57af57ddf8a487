// malloc/chance.h - the arithmetic of sampling by bytes: when the next point falls, and what a
// block that it falls on stands for. No mathematical library, which would be one more to load. Cost
// some 20 ns; once for each sampled block.
#pragma once

#include <bit>
#include <cstdint>

namespace strata::alloc {

/// The natural logarithm of a positive, normal number; true to 1e-12.
constexpr double log_of(double number) {
  constexpr double kLog2 = 0.693147180559945309417;
  const auto bits = std::bit_cast<std::uint64_t>(number);
  int power = static_cast<int>(bits >> 52) - 1023;
  double part =
      std::bit_cast<double>((bits & ~(std::uint64_t{0x7ff} << 52)) | (std::uint64_t{1023} << 52));
  if (part > 1.41421356237309504880) {
    part /= 2;
    ++power;
  }
  // 2 artanh((x - 1) / (x + 1)), whose argument is below 0.172 here.
  const double ratio = (part - 1) / (part + 1), square = ratio * ratio;
  double sum = 0;
  for (int i = 15; i > 0; i -= 2) sum = sum * square + 1.0 / i;
  return power * kLog2 + 2 * ratio * sum;
}

/// 1 - exp(-number) of what is not negative; true to 1e-12 of itself, also near 0.
constexpr double chance_within(double number) {
  if (number > 40) return 1;
  int doublings = 0;
  for (; number > 0.25; number /= 2) ++doublings;
  double term = number, sum = 0;
  for (int i = 2; i < 14; ++i) {
    sum += term;
    term *= -number / i;
  }
  for (; doublings > 0; --doublings) sum *= 2 - sum;
  return sum;
}

/// A random number's bits, from one that counts (splitmix64).
constexpr std::uint64_t mix(std::uint64_t bits) {
  bits += 0x9e3779b97f4a7c15;
  bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
  bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
  return bits ^ (bits >> 31);
}

/// Bytes up to the next point, where they are `mean` apart on average; of random bits.
constexpr std::int64_t draw_gap(std::uint64_t bits, std::uint64_t mean) {
  const double part = static_cast<double>((bits >> 11) + 1) / 9007199254740992.0;  // (0, 1]
  constexpr double kFarthest = 4e18;
  const double gap = -log_of(part) * static_cast<double>(mean);
  return static_cast<std::int64_t>(gap < kFarthest ? gap : kFarthest);
}

}  // namespace strata::alloc
