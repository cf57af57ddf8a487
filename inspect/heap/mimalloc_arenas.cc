#include "inspect/heap/mimalloc_arenas.h"

#include <algorithm>
#include <array>
#include <optional>

namespace strata::mimalloc {
namespace {

constexpr Bytes kSlice = 64_KiB;
constexpr std::size_t kArenaWords = 8;
constexpr std::uint64_t kLeastSlices = 64;
constexpr std::uint64_t kMostSlices = std::uint64_t{1} << 28;  // 16 TiB
// The record lists 160 arenas, after a few words.
constexpr std::size_t kRecordWords = 192;
constexpr std::size_t kMostProbes = 16384;
// What kind of memory it is: of the system, external, static or in another arena.
constexpr std::uint32_t kKinds = 16;

std::optional<Arena> arena_at(Peek& peek, const AnonymousMemory& memory, Address at) {
  std::array<std::uint64_t, kArenaWords> words;
  if (!peek.read(at, std::as_writable_bytes(std::span(words)))) return std::nullopt;
  const std::uint64_t base = words[0];
  const std::uint64_t size = words[1];
  const auto kind = static_cast<std::uint32_t>(words[2]);
  const Address owner{words[3]};
  // The reservation may begin before the arena, to align it.
  if (base > at.value || kind == 0 || kind >= kKinds) return std::nullopt;
  if (size < kSlice.value * kLeastSlices || size % 4096 != 0) return std::nullopt;
  if (owner.value < 4096 || owner.value % 8 != 0) return std::nullopt;
  for (std::size_t i = 4; i <= 5; ++i) {  // an index stands before the slices from 3.2 on
    const std::uint64_t slices = words[i];
    const std::uint64_t info = words[i + 1];
    if (slices < kLeastSlices || slices > kMostSlices || info == 0 || info >= slices) continue;
    const Range range = range_of(at, kSlice * slices);
    if (range.end > Address{base} + Bytes{size} || !memory.covers(range)) continue;
    std::array<std::uint64_t, kRecordWords> record;
    if (!peek.read_words(owner, record)) continue;
    if (std::find(record.begin(), record.end(), at.value) == record.end()) continue;
    return Arena{range, owner};
  }
  return std::nullopt;
}

}  // namespace

std::vector<Arena> find_arenas(Peek& peek, const AnonymousMemory& memory) {
  std::vector<Arena> arenas;
  std::size_t probes = 0;
  for (const Range& run : memory.writable()) {
    const Address at = round_up(run.start, kSlice);
    if (!run.contains(at) || (!arenas.empty() && arenas.back().range.contains(at))) continue;
    if (++probes > kMostProbes) break;
    if (const auto arena = arena_at(peek, memory, at)) arenas.push_back(*arena);
  }
  return arenas;
}

}  // namespace strata::mimalloc
