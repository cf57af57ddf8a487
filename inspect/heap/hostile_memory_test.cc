// Every reader over a memory in which seeded words lie: it must end, stay within its budget and
// claim nothing outside the mappings.
#include <gtest/gtest.h>

#include <cstring>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/running_allocator.h"
#include "inspect/page/page_scanner.h"
#include "inspect/target/means.h"

namespace strata {
namespace {

constexpr std::uint64_t mix(std::uint64_t x) {
  x ^= x >> 30;
  x *= 0xbf58476d1ce4e5b9;
  x ^= x >> 27;
  x *= 0x94d049bb133111eb;
  return x ^ x >> 31;
}

/// A process whose memory is shown with one word in `rarity` replaced, the same on each reading.
class LyingTarget final : public Target {
 public:
  LyingTarget(const Target& honest, std::uint64_t seed, std::uint64_t rarity)
      : honest_(honest), seed_(seed), rarity_(rarity) {}

  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override {
    auto got = honest_.read_memory(from, into);
    if (!got) return got;
    const Address end = from + *got;
    for (Address at = round_up(from, 8_B); at + 8_B <= end; at = at + 8_B) {
      const std::uint64_t dice = mix(at.value ^ seed_);
      if (dice % rarity_ != 0) continue;
      std::byte* const place = into.data() + (at - from).value;
      std::uint64_t word;
      std::memcpy(&word, place, sizeof word);
      word = lie(word, at, mix(dice));
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
  static std::uint64_t lie(std::uint64_t word, Address at, std::uint64_t dice) {
    switch (dice % 8) {
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
      default:
        return word ^ std::uint64_t{1} << (dice >> 8) % 48;
    }
  }

  const Target& honest_;
  std::uint64_t seed_;
  std::uint64_t rarity_;
};

void expect_unharmed(const std::string& preload) {
  std::string why;
  const auto program = RunningAllocator::start({.preload = preload, .build = ""}, why);
  if (!program) GTEST_SKIP() << why;
  auto process = Process::open(program->pid());
  ASSERT_TRUE(process);
  auto scanner = PageScanner::open(**process, *probe_means());
  ASSERT_TRUE(scanner);
  auto space = read_space(PresentMemory(**process, &*scanner));
  ASSERT_TRUE(space);
  std::uint64_t seed = 1;
  std::size_t claims = 0;
  for (const std::uint64_t rarity : {2, 10, 100, 1000, 10000, 1000000}) {
    for (int round = 0; round < 4; ++round, ++seed) {
      const LyingTarget liar(**process, mix(seed), rarity);
      const PresentMemory memory(liar, &*scanner);
      for (const auto reader : {survey_glibc, survey_jemalloc, survey_tcmalloc, survey_mimalloc}) {
        Chart chart;
        const HeapSurvey survey = reader({*space, memory, chart});
        EXPECT_LE(survey.bytes_read, 272_MiB) << "seed " << seed;
        claims += survey.claims.size();
        for (const Claim& claim : survey.claims) {
          EXPECT_FALSE(claim.range.empty()) << "seed " << seed;
          EXPECT_NE(space->find_mapping(claim.range.start), nullptr) << "seed " << seed;
          EXPECT_NE(space->find_mapping(claim.range.end - 1_B), nullptr) << "seed " << seed;
        }
      }
    }
  }
  // Rare lies leave enough to recognise, or the lies above met nobody.
  EXPECT_GT(claims, 0u);
}

TEST(HostileMemory, GlibcReaderEndsOnLies) { expect_unharmed(""); }
TEST(HostileMemory, JemallocReaderEndsOnLies) { expect_unharmed("libjemalloc.so.2"); }
TEST(HostileMemory, TcmallocReaderEndsOnLies) { expect_unharmed("libtcmalloc_minimal.so.4"); }
TEST(HostileMemory, MimallocReaderEndsOnLies) { expect_unharmed("libmimalloc.so.2"); }

}  // namespace
}  // namespace strata
