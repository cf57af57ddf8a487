#include "inspect/object/missing_stacks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

namespace strata {
namespace {

// Return addresses stand above the largest frame there is; few functions have one of so much, and
// none that sleeps in a call of libc's.
constexpr Bytes kLargestFrame = 16_KiB;
constexpr Bytes kStep = 4_KiB;
constexpr std::size_t kNamed = 8;

/// Nothing of `range` is in the core, or zeros alone.
bool is_empty(const Target& core, Range range) {
  std::array<std::byte, kStep.value> bytes;
  for (Address at = range.start; at < range.end; at = at + kStep) {
    const std::span<std::byte> part(bytes.data(), std::min(kStep, range.end - at).value);
    const auto got = core.read_memory(at, part);
    const std::size_t size = got ? got->value : 0;
    if (std::any_of(part.begin(), part.begin() + static_cast<std::ptrdiff_t>(size),
                    [](std::byte byte) { return byte != std::byte{0}; })) {
      return false;
    }
    if (size < part.size()) return true;
  }
  return true;
}

bool is_missing(const Target& core, const Space& space, const Thread& thread) {
  const Address pointer = *thread.stack_pointer;
  const Mapping* const mapping = space.find_mapping(pointer);
  if (mapping == nullptr) return true;
  const Range& whole = mapping->range;
  if (!is_empty(core, {pointer, std::min(pointer + kLargestFrame, whole.end)})) return false;
  const Address block = thread.thread_pointer.value_or(Address{});
  if (block < pointer || !whole.contains(block)) return true;
  return is_empty(core, {block, std::min(block + 32_B, whole.end)});
}

}  // namespace

std::optional<std::string> tell_of_missing_stacks(const Target& core, const Space& space) {
  std::size_t missing = 0;
  std::string named;
  for (const Thread& thread : space.threads) {
    if (!thread.stack_pointer || !is_missing(core, space, thread)) continue;
    if (++missing > kNamed) continue;
    named += fmt::format("{}{}", named.empty() ? "" : ", ", thread.tid);
  }
  if (missing == 0) return std::nullopt;
  if (missing > kNamed) named += fmt::format(" and {} more", missing - kNamed);
  return fmt::format(
      "the stacks of {} of {} threads are not in the core: from their stack pointers up it has "
      "nothing, or zeros alone ({}). gcore leaves such a hole behind a page that it cannot read, "
      "like the guards that glibc 2.43 and later make inside of a stack's mapping; a core that the "
      "kernel writes has these stacks. What only they hold is listed too",
      missing, space.threads.size(), named);
}

}  // namespace strata
