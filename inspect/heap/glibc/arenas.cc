#include "inspect/heap/glibc/arenas.h"

#include <fmt/format.h>

#include <array>
#include <set>
#include <utility>

namespace strata::glibc {
namespace {

// HEAP_MAX_SIZE: 64 MiB, or with glibc.malloc.hugetlb=2 four huge pages of 2 MiB or of 1 GiB.
constexpr std::array kHeapSpans = {64_MiB, 8_MiB, 4_GiB};
// heap_info: with pagesize from 2.35 on, without before.
constexpr std::array kHeapHeaders = {48_B, 32_B};
constexpr std::size_t kSubHeapLimit = 1 << 20;
constexpr Bytes kSmallestCommitted = 4_KiB;

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

// Of a damaged chain, sub-heaps are looked for in each block of 64 MiB that there is.
constexpr std::size_t kMostBlocks = 1 << 16;

Region region_of(const AnonymousMemory& memory, Layout layout, Address state, Address heap,
                 const HeapHeader& header, Bytes span, Bytes header_size) {
  // What lies behind the committed part is the reservation's rest, unless it was unmapped.
  const Range whole = range_of(heap, span);
  const Range committed = range_of(heap, Bytes{header.committed});
  Address first = heap + header_size;
  if (state == first) first = round_up(state + layout.size(), kChunkAlignment);
  return {memory.covers(whole) ? whole : committed,
          {first, heap + Bytes{header.size}},
          fmt::format("heap_info at {:#x} names the arena at {:#x}, {} committed of {}", heap.value,
                      state.value, size_text(Bytes{header.committed}), size_text(span))};
}

/// The sub-heaps from the one that holds `top` back to the first, for one HEAP_MAX_SIZE.
SubHeaps follow_heaps(Peek& peek, const AnonymousMemory& memory, Layout layout, Address state,
                      Address top, Bytes span, Bytes header_size) {
  SubHeaps found;
  std::set<Address> seen;
  Address heap = round_down(top, span);
  Address link = state + layout.top();
  const auto broken = [&](std::string what) {
    found.broken = {link, std::move(what)};
    return found;
  };
  for (;;) {
    if (found.regions.size() >= kSubHeapLimit || !seen.insert(heap).second) {
      return broken(
          fmt::format("its sub-heaps lead in a circle, back to the one at {:#x}", heap.value));
    }
    if (!memory.covers(range_of(heap, kSmallestCommitted))) {
      return broken(seen.size() == 1 ? fmt::format("its top {:#x} lies in no memory", top.value)
                                     : fmt::format("a sub-heap leads to one at {:#x}, where no "
                                                   "memory is",
                                                   heap.value));
    }
    const auto header = header_of(peek, heap, span, state);
    if (!header || !memory.covers(range_of(heap, Bytes{header->committed}))) {
      const auto words = peek.value<HeapHeader>(heap);
      if (words && seen.size() > 1) link = heap;
      return broken(!words ? fmt::format("its sub-heap at {:#x} is not in memory", heap.value)
                           : fmt::format("what should be its sub-heap at {:#x} names the arena at "
                                         "{:#x}, {} bytes of {} committed",
                                         heap.value, words->arena, words->size, words->committed));
    }
    if (seen.size() == 1 && top - heap >= Bytes{header->size}) {
      return broken(fmt::format("its top {:#x} lies behind the {} bytes of its sub-heap at {:#x}",
                                top.value, header->size, heap.value));
    }
    found.regions.push_back(region_of(memory, layout, state, heap, *header, span, header_size));
    if (header->previous == 0) {
      if (state == heap + header_size) return found;
      link = heap + 8_B;
      return broken(fmt::format("its sub-heap at {:#x} says that it is the first", heap.value));
    }
    link = heap + 8_B;
    heap = Address{header->previous};
    if (heap != round_down(heap, span)) {
      return broken(fmt::format("a sub-heap leads to {:#x}, where none can begin", heap.value));
    }
  }
}

/// Calls `look` for each place where a sub-heap can begin.
template <class Look>
void for_each_block(const AnonymousMemory& memory, Bytes span, Look look) {
  std::size_t blocks = 0;
  for (const Range& run : memory.writable()) {
    for (Address heap = round_up(run.start, span); heap < run.end && heap >= run.start;
         heap = heap + span) {
      if (++blocks > kMostBlocks) return;
      look(heap);
    }
  }
}

/// Every sub-heap that names the arena at `state`, whoever leads to it.
std::vector<Region> look_for_heaps(Peek& peek, const AnonymousMemory& memory, Layout layout,
                                   Address state, Bytes span, Bytes header_size) {
  std::vector<Region> found;
  for_each_block(memory, span, [&](Address heap) {
    const auto header = header_of(peek, heap, span, state);
    if (!header || !memory.covers(range_of(heap, Bytes{header->committed}))) return;
    found.push_back(region_of(memory, layout, state, heap, *header, span, header_size));
    found.back().evidence += ", found where it can begin";
  });
  return found;
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
    why += " up to the end of [heap]; its top is elsewhere";
  }
  return Region{{base, end},
                {round_up(base, kChunkAlignment), end},
                fmt::format("{}; {}", arena.evidence, why)};
}

}  // namespace

SubHeaps find_sub_heaps(Peek& peek, const AnonymousMemory& memory, Layout layout, Address state) {
  SubHeaps best;
  const Address top{peek.word(state + layout.top()).value_or(0)};
  for (const Bytes header_size : kHeapHeaders) {
    for (const Bytes span : kHeapSpans) {
      if (round_down(state, span) + header_size != state) continue;
      auto found = follow_heaps(peek, memory, layout, state, top, span, header_size);
      if (!found.broken) return found;
      found.regions = look_for_heaps(peek, memory, layout, state, span, header_size);
      if (!best.broken || found.regions.size() > best.regions.size()) best = std::move(found);
    }
  }
  if (best.regions.empty() && !best.broken) {
    best.broken = {state, "it stands where no sub-heap begins"};
  }
  return best;
}

std::vector<Address> find_first_sub_heaps(Peek& peek, const AnonymousMemory& memory) {
  std::vector<Address> found;
  const Bytes span = kHeapSpans[0];
  for_each_block(memory, span, [&](Address heap) {
    for (const Bytes header_size : kHeapHeaders) {
      const auto header = header_of(peek, heap, span, heap + header_size);
      if (header && header->previous == 0) found.push_back(heap + header_size);
    }
  });
  return found;
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
