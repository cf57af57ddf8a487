#include "inspect/heap/glibc/arenas.h"

#include <fmt/format.h>

#include <array>
#include <set>

namespace strata::glibc {
namespace {

// HEAP_MAX_SIZE: 64 MiB, or with glibc.malloc.hugetlb=2 four huge pages of 2 MiB or of 1 GiB.
constexpr std::array kHeapSpans = {64_MiB, 8_MiB, 4_GiB};
// heap_info: with pagesize from 2.35 on, without before.
constexpr std::array kHeapHeaders = {48_B, 32_B};
constexpr std::size_t kSubHeapLimit = 1 << 20;

constexpr Bytes kChunkAlignment = 16_B;
constexpr std::uint64_t kFlagBits = 7;
constexpr std::uint64_t kPreviousInUse = 1;
constexpr std::uint64_t kFence = 16 | kPreviousInUse;
constexpr Bytes kSmallestMapping = 1_MiB;  // MMAP_AS_MORECORE_SIZE
constexpr std::size_t kRegionProbes = 4096;
constexpr std::size_t kChunkSteps = 1 << 22;

struct HeapHeader {
  std::uint64_t arena;
  std::uint64_t previous;
  std::uint64_t size;
  std::uint64_t committed;
};

std::optional<HeapHeader> header_of(Peek& peek, Address heap, Bytes span, Address state) {
  const auto header = peek.value<HeapHeader>(heap);
  if (!header || header->arena != state.value) return std::nullopt;
  if (header->size % 4096 != 0 || header->committed % 4096 != 0) return std::nullopt;
  if (header->size == 0 || header->size > header->committed) return std::nullopt;
  if (header->committed > span.value) return std::nullopt;
  return header;
}

/// The sub-heaps from the one that holds `top` back to the first, for one HEAP_MAX_SIZE.
std::vector<Region> follow_heaps(Peek& peek, const AnonymousMemory& memory, Layout layout,
                                 Address state, Address top, Bytes span, Bytes header_size) {
  std::vector<Region> found;
  std::set<Address> seen;
  Address heap = round_down(top, span);
  while (found.size() < kSubHeapLimit && seen.insert(heap).second) {
    const auto header = header_of(peek, heap, span, state);
    const Range committed = range_of(heap, Bytes{header ? header->committed : 0});
    if (!header || !memory.covers(committed)) return {};
    // What lies behind the committed part is the reservation's rest, unless it was unmapped.
    const Range whole = range_of(heap, span);
    Address first = heap + header_size;
    if (state == first) first = round_up(state + layout.size(), kChunkAlignment);
    found.push_back(
        {memory.covers(whole) ? whole : committed,
         {first, heap + Bytes{header->size}},
         fmt::format("heap_info at {:#x} names the arena at {:#x}, {} committed of {}", heap.value,
                     state.value, size_text(Bytes{header->committed}), size_text(span))});
    if (header->previous == 0) {
      return state == heap + header_size ? found : std::vector<Region>{};
    }
    heap = Address{header->previous};
    if (heap != round_down(heap, span)) return {};
  }
  return {};
}

/// The size word of the chunk at `chunk`, taken apart.
std::optional<std::uint64_t> size_word(Peek& peek, Address chunk) { return peek.word(chunk + 8_B); }

/// Walks the chunks from `start` on; where the region ends if it ends as one of the main arena
/// must: in the top chunk, or in the two fences that an abandoned top leaves.
std::optional<Address> walk_region(Peek& peek, Range run, Address start, Address top) {
  Address chunk = start;
  for (std::size_t step = 0; step < kChunkSteps; ++step) {
    const auto word = size_word(peek, chunk);
    if (!word) return std::nullopt;
    const Bytes size{*word & ~kFlagBits};
    if ((*word & (kFlagBits & ~kPreviousInUse)) != 0) return std::nullopt;
    const Address end = chunk + size;
    if (chunk == top) {
      const bool sound = size >= 16_B && end <= run.end && end.value % 4096 == 0;
      return sound ? std::optional(end) : std::nullopt;
    }
    // The first fence loses its flag when the abandoned top before it is freed.
    if ((*word | kPreviousInUse) == kFence && step > 0) {
      if (size_word(peek, end) != kFence || (end + 16_B).value % 4096 != 0) return std::nullopt;
      return end + 16_B <= run.end ? std::optional(end + 16_B) : std::nullopt;
    }
    if (size < 32_B || size.value % 16 != 0 || end >= run.end) return std::nullopt;
    chunk = end;
  }
  return std::nullopt;
}

std::optional<Region> brk_region(Peek& peek, const Space& space, const AnonymousMemory& memory,
                                 const MainArena& arena,
                                 const std::optional<Parameters>& parameters) {
  Address base;
  std::string why;
  if (parameters && parameters->sbrk_base.value != 0) {
    base = parameters->sbrk_base;
    why = "mp_.sbrk_base";
  } else if (const Mapping* const mapping = space.find_mapping(arena.top);
             mapping != nullptr && mapping->is_labelled("[heap]")) {
    base = mapping->range.start;
    for (const Mapping& other : space.mappings) {
      if (other.is_labelled("[heap]")) base = std::min(base, other.range.start);
    }
    why = "the kernel's [heap], where its top lies";
  } else {
    return std::nullopt;
  }
  const auto run = memory.find_writable(base);
  if (!run) return std::nullopt;
  Address end = run->end;
  if (run->contains(arena.top) && arena.top >= base) {
    const auto word = size_word(peek, arena.top);
    const Address behind = arena.top + Bytes{word.value_or(0) & ~kFlagBits};
    if (behind > arena.top && behind <= run->end && behind.value % 4096 == 0) end = behind;
    why += fmt::format(" up to the end of its top chunk at {:#x}", arena.top.value);
  } else {
    // The top is elsewhere; the brk area ends where the kernel's label does.
    const Mapping* mapping = space.find_mapping(base);
    if (mapping == nullptr || !mapping->is_labelled("[heap]")) return std::nullopt;
    end = mapping->range.end;
    why += " up to the end of [heap]; its top has moved to a mapping";
  }
  return Region{{base, end},
                {round_up(base, kChunkAlignment), end},
                fmt::format("{}; {}", arena.evidence, why)};
}

}  // namespace

std::vector<Region> find_sub_heaps(Peek& peek, const AnonymousMemory& memory, Layout layout,
                                   Address state) {
  const auto top = peek.word(state + layout.top());
  if (!top) return {};
  for (const Bytes header_size : kHeapHeaders) {
    for (const Bytes span : kHeapSpans) {
      if (round_down(state, span) + header_size != state) continue;
      auto found = follow_heaps(peek, memory, layout, state, Address{*top}, span, header_size);
      if (!found.empty()) return found;
    }
  }
  return {};
}

std::vector<Region> find_main_regions(Peek& peek, const Space& space, const AnonymousMemory& memory,
                                      const MainArena& arena,
                                      const std::optional<Parameters>& parameters,
                                      std::vector<std::string>& notes) {
  std::vector<Region> found;
  if (arena.top.value == 0) return found;
  if (auto brk = brk_region(peek, space, memory, arena, parameters)) {
    found.push_back(std::move(*brk));
  }
  const bool top_elsewhere = found.empty() || !found.front().range.contains(arena.top);
  if (arena.contiguous && !top_elsewhere) return found;

  // brk failed at some time: each later growth is a mapping of at least 1 MiB that begins with a
  // chunk. What the arena counts says when all are found.
  Bytes wanted = saturating_sub(arena.system_mem, found.empty() ? 0_B : found[0].range.size());
  // Regions are put one below the other, so several may share a mapping.
  const auto add = [&](Range run) {
    for (Address at = run.start; at < run.end;) {
      const auto end = walk_region(peek, run, at, arena.top);
      if (!end) return;
      found.push_back({{at, *end},
                       {at, *end},
                       fmt::format("{}; where brk failed: its chunks step from the mapping's "
                                   "start to the top chunk, or to the fence of an abandoned one",
                                   arena.evidence)});
      wanted = saturating_sub(wanted, found.back().range.size());
      at = *end;
    }
  };
  const auto top_run = memory.find_writable(arena.top);
  if (top_elsewhere && top_run) add(*top_run);
  std::size_t probes = 0;
  for (const Range& run : memory.writable()) {
    if (wanted == 0_B || probes >= kRegionProbes) break;
    if (run.size() < kSmallestMapping || (top_run && run == *top_run)) continue;
    if (!found.empty() && run.overlaps(found.front().range)) continue;
    ++probes;
    const auto word = size_word(peek, run.start);
    if (!word || (*word & kFlagBits) != kPreviousInUse || *word > run.size().value) continue;
    add(run);
  }
  if (wanted > 0_B) {
    notes.push_back(fmt::format(
        "the main arena counts {} that lie in mappings which could not be told from others",
        size_text(wanted)));
  }
  return found;
}

}  // namespace strata::glibc
