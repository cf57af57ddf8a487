#include "malloc/find_states.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace strata::alloc {
namespace {

TEST(EqualBytes, AreFoundExactly) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t word = random() & (random() | random());
    const auto byte = static_cast<std::uint8_t>(i % 2 == 0 ? random() : word >> (random() % 8 * 8));
    std::uint64_t expected = 0;
    for (int b = 0; b < 8; ++b) {
      if (static_cast<std::uint8_t>(word >> (b * 8)) == byte) expected |= 0x80ull << (b * 8);
    }
    ASSERT_EQ(equal_bytes(word, byte), expected) << std::hex << word << ' ' << int{byte};
  }
}

TEST(FindStates, FindsWhatALoopFinds) {
  std::minstd_rand random(5);
  for (std::size_t stride = 1; stride <= 40; ++stride) {
    for (int round = 0; round < 200; ++round) {
      constexpr std::size_t kGranules = 1024;
      alignas(8) static State states[kGranules];
      const std::size_t blocks = kGranules / stride;
      for (State& state : states) state.store(0);
      for (std::size_t i = 0; i < blocks; ++i) {
        states[i * stride].store(random() % 3 == 0 ? 0xc5 : 0x85);
      }
      const std::size_t from = random() % (blocks + 1) * stride;
      const std::size_t end = from + random() % (blocks - from / stride + 1) * stride;
      const std::size_t most = 1 + random() % 20;
      std::vector<std::size_t> expected, found;
      std::size_t stopped = end;
      for (std::size_t at = from; at < end; at += stride) {
        if (states[at].load() != 0xc5) continue;
        expected.push_back(at);
        if (expected.size() == most) {
          stopped = at + stride;
          break;
        }
      }
      const std::size_t ended = find_states(states, from, end, stride, 0xc5, [&](std::size_t at) {
        found.push_back(at);
        return found.size() < most;
      });
      ASSERT_EQ(found, expected) << "stride " << stride << " from " << from << " to " << end;
      ASSERT_EQ(ended, stopped);
    }
  }
}

}  // namespace
}  // namespace strata::alloc
