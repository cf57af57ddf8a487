#include "inspect/heap/go_index.h"

#include <algorithm>
#include <array>

#include "inspect/heap/go_layout.h"

namespace strata {
namespace {

constexpr Bytes kMostIndexBytes = 8_MiB;      // resident pages of the arena index that are read
constexpr std::size_t kMostArenas = 1 << 16;  // 4 TiB
constexpr std::size_t kMostRefuted = 64;      // spans that may lead elsewhere: freed ones do

/// The linker's mark at the beginning of a Go program's data; all there is where the section
/// headers were cut off.
bool begins_with_build_mark(Peek& peek, const Segment& segment) {
  constexpr std::string_view kMark = "\xff Go buildinf:";
  std::array<char, kMark.size()> bytes;
  const Address start = round_up(segment.range.start, 16_B);
  return peek.read(start, std::as_writable_bytes(std::span(bytes))) &&
         std::string_view(bytes.data(), bytes.size()) == kMark;
}

struct Span {
  std::uint64_t start;
  std::uint64_t pages;
};

/// Whether spans[] stands at `spans`: one of its entries leads to a span around the entry's page.
bool spans_close(Peek& peek, const Range& arena, Address spans) {
  constexpr std::size_t kStep = 512;  // entries in a page
  std::size_t refuted = 0;
  std::uint64_t last = 0;
  for (std::size_t first = 0; first < kGoPagesPerArena; first += kStep) {
    std::array<std::uint64_t, kStep> entries;
    if (!peek.read(spans + Bytes{first * 8}, std::as_writable_bytes(std::span(entries)))) continue;
    for (std::size_t i = 0; i < kStep; ++i) {
      if (entries[i] == 0 || entries[i] == last) continue;
      last = entries[i];
      const auto span = peek.value<Span>(Address{last} + kGoSpanStartOffset);
      const Address page = arena.start + kGoPage * (first + i);
      if (span && span->start % kGoPage.value == 0 && span->pages < (std::uint64_t{1} << 32) &&
          range_of(Address{span->start}, kGoPage * span->pages).contains(page)) {
        return true;
      }
      if (++refuted > kMostRefuted) return false;
    }
  }
  return false;
}

std::optional<GoArena> read_arena(const HeapScene& scene, Peek& peek, std::size_t index,
                                  std::uint64_t heap_arena) {
  const Range range =
      range_of(Address{(std::uint64_t{index} << 26) + kGoArenaBaseOffset}, kGoArena);
  const Address at{heap_arena};
  if (heap_arena % page_size().value != 0) return std::nullopt;
  if (find_writable_anonymous(scene.space, at) == nullptr) return std::nullopt;
  if (!is_anonymous(scene.space, range_of(range.start, page_size()))) return std::nullopt;
  for (const Bytes offset : kGoSpansOffsets) {
    if (spans_close(peek, range, at + offset)) return GoArena{range, at, offset};
  }
  return GoArena{range, at, std::nullopt};
}

std::optional<GoIndex> read_index(const HeapScene& scene, Peek& peek, Address start) {
  const Range range = range_of(start, Bytes{kGoArenaIndexSize * 8});
  if (!is_anonymous(scene.space, range)) return std::nullopt;
  auto parts = scene.memory.present(range);
  if (!parts) return std::nullopt;
  Bytes resident;
  for (const Range& part : *parts) resident += part.size();
  if (resident == Bytes{} || resident > kMostIndexBytes) return std::nullopt;
  GoIndex index{start, {}};
  for (const Range& part : *parts) {
    std::vector<std::uint64_t> entries(part.size() / 8_B);
    if (!peek.read_words(part.start, entries)) return std::nullopt;
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i] == 0) continue;
      const auto arena = read_arena(scene, peek, (part.start - start) / 8_B + i, entries[i]);
      if (!arena || index.arenas.size() >= kMostArenas) return std::nullopt;
      index.arenas.push_back(*arena);
    }
  }
  // One arena that closes proves the index, and the index the others: an arena that holds no span
  // yet cannot close. What it keeps before its spans is the same for all.
  const auto closed = std::find_if(index.arenas.begin(), index.arenas.end(),
                                   [](const GoArena& arena) { return arena.spans_offset; });
  if (closed == index.arenas.end()) return std::nullopt;
  for (GoArena& arena : index.arenas) arena.spans_offset = closed->spans_offset;
  return index;
}

}  // namespace

bool holds_go_runtime(Peek& peek, const Module& module) {
  if (module.sections.empty()) {
    return std::any_of(module.segments.begin(), module.segments.end(), [&](const Segment& s) {
      return s.writable && begins_with_build_mark(peek, s);
    });
  }
  return std::any_of(module.sections.begin(), module.sections.end(), [](const Section& section) {
    return section.name == ".go.buildinfo" || section.name.ends_with(".gopclntab");
  });
}

std::optional<GoIndex> find_go_index(const HeapScene& scene, Peek& peek,
                                     const std::vector<StaticWords>& statics) {
  for (const StaticWords& words : statics) {
    for (const std::uint64_t pointer : words.words) {
      if (pointer == 0 || pointer % page_size().value != 0) continue;
      if (find_writable_anonymous(scene.space, Address{pointer}) == nullptr) continue;
      if (auto index = read_index(scene, peek, Address{pointer})) return index;
    }
  }
  return std::nullopt;
}

}  // namespace strata
