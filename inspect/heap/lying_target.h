// inspect/heap/lying_target.h - for the tests: a process whose memory lies.
// Of the words read, about one in `rarity` is shown as another than it is, the same on each
// reading.
#pragma once

#include <cstring>

#include "inspect/space/space.h"
#include "inspect/target/target.h"

namespace strata {

constexpr std::uint64_t mix_bits(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// A process whose memory is shown with one word in `rarity` replaced, the same on each reading.
class LyingTarget final : public Target {
 public:
  LyingTarget(const Target& honest, const Space& space, std::uint64_t seed, std::uint64_t rarity)
      : honest_(honest), space_(space), seed_(mix_bits(seed)), rarity_(rarity) {}

  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override {
    auto got = honest_.read_memory(from, into);
    if (!got) return got;
    const Address end = from + *got;
    for (Address at = round_up(from, 8_B); at + 8_B <= end; at = at + 8_B) {
      const std::uint64_t dice = mix_bits(at.value ^ seed_);
      if (dice % rarity_ != 0) continue;
      std::byte* const place = into.data() + (at - from).value;
      std::uint64_t word;
      std::memcpy(&word, place, sizeof word);
      word = lie(word, at, mix_bits(dice));
      std::memcpy(place, &word, sizeof word);
    }
    return got;
  }

  const Identity& identity() const override { return honest_.identity(); }
  Result<std::vector<Mapping>> read_mappings() const override { return honest_.read_mappings(); }
  Result<std::vector<Thread>> read_threads() const override { return honest_.read_threads(); }
  Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const override {
    return honest_.read_auxiliary_vector();
  }
  Result<File> open_mapped_file(const Mapping& mapping) const override {
    return honest_.open_mapped_file(mapping);
  }
  Result<File> open_kernel_file(const std::string& name) const override {
    return honest_.open_kernel_file(name);
  }
  Result<std::string> read_kernel_text(const std::string& name) const override {
    return honest_.read_kernel_text(name);
  }
  std::vector<std::string> absences() const override { return {}; }

 private:
  std::uint64_t lie(std::uint64_t word, Address at, std::uint64_t dice) const {
    const Range& somewhere = space_.mappings[(dice >> 8) % space_.mappings.size()].range;
    switch (dice % 10) {
      case 0:
        return 0;
      case 1:
        return ~std::uint64_t{0};
      case 2:
        return dice;
      case 3:
        return at.value;  // a pointer to itself: a cycle
      case 4:
        return at.value - 16;
      case 5:
        return word + (dice >> 8) % 64 * 8;
      case 6:
        return word << 12;
      case 7:
        return somewhere.start.value;
      case 8:
        return somewhere.start.value + (mix_bits(dice) % somewhere.size().value & ~7ull);
      default:
        return word ^ std::uint64_t{1} << (dice >> 8) % 48;
    }
  }

  const Target& honest_;
  const Space& space_;
  std::uint64_t seed_;
  std::uint64_t rarity_;
};

}  // namespace strata
