#include "inspect/heap/glibc/lists.h"

#include <fmt/format.h>

#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/links.h"

namespace strata::glibc {
namespace {

constexpr const char* kUseAfterFree = "a block was written to after it was freed";
constexpr const char* kOverrun = "the block before it was written beyond its end";

class Following {
 public:
  Following(Peek& peek, Links& links, Heap& heap) : peek_(peek), links_(links), heap_(heap) {}

  void follow_all() {
    for (Arena& arena : heap_.arenas) {
      if (arena.layout.has_fast_bins()) {
        for (std::size_t i = 0; i < Layout::kFastBins; ++i) follow_fast_bin(arena, i);
      }
      if (arena.top.value != 0) follow_unsorted(arena);
    }
  }

 private:
  void follow_fast_bin(Arena& arena, std::size_t bin) {
    const Bytes expected = kSmallestChunk + Bytes{bin * 16};
    Address field = arena.state + arena.layout.fast_bins() + Bytes{bin * 8};
    const auto damaged = [&](Address about, std::string what, const char* cause) {
      heap_.report(arena, {field,
                           fmt::format("{}, fast bin of {} bytes: {}", arena.name, expected.value,
                                       std::move(what)),
                           cause,
                           about,
                           {}});
    };
    Address from;
    Address chunk{peek_.word(field).value_or(0)};
    while (chunk.value != 0) {
      if (!heap_.can_hold(chunk)) {
        return damaged(from, fmt::format("a link leads to {:#x}, outside of the heap", chunk.value),
                       kUseAfterFree);
      }
      const auto link = links_.of(chunk, Links::List::kFast);
      if (!link) return;
      if (link->size && *link->size != expected) {
        field = chunk + 8_B;
        return damaged(
            chunk, fmt::format("the chunk at {:#x} has {} bytes", chunk.value, link->size->value),
            kOverrun);
      }
      if (heap_.cached.contains(chunk) || !heap_.fast.insert(chunk)) {
        return damaged(chunk,
                       fmt::format("it leads to the block at {:#x} (chunk {:#x}), which stands in "
                                   "the lists already",
                                   (chunk + kHeader).value, chunk.value),
                       "that block was freed twice, or the link was written after it was freed");
      }
      from = chunk;
      ++arena.fast.chunks;
      arena.fast.bytes += expected;
      field = chunk + kHeader;
      chunk = link->next;
    }
  }

  void follow_unsorted(Arena& arena) {
    // Links of bins lead to chunks, and to a place before the bin as if it were one.
    const Address bin = arena.state + arena.layout.bins - kHeader;
    Address from = bin;
    const auto damaged = [&](Address at, Address about, std::string what) {
      heap_.report(arena, {at,
                           fmt::format("{}, unsorted bin: {}", arena.name, std::move(what)),
                           kUseAfterFree,
                           about == bin ? Address{} : about,
                           {}});
    };
    Address chunk{peek_.word(bin + kHeader).value_or(0)};
    while (chunk != bin && chunk.value != 0) {
      if (!heap_.can_hold(chunk)) {
        return damaged(from + kHeader, from,
                       fmt::format("a link leads to {:#x}, outside of the heap", chunk.value));
      }
      const auto link = links_.of(chunk, Links::List::kBin);
      if (!link) return;
      if (link->back && *link->back != from) {
        // Where another leads here and is led back to, the link that was followed is the false one.
        const auto other =
            heap_.can_hold(*link->back) ? links_.of(*link->back, Links::List::kBin) : std::nullopt;
        if (other && other->next == chunk) {
          return damaged(from + kHeader, from,
                         fmt::format("a link leads to the chunk at {:#x}, which stands behind the "
                                     "one at {:#x}",
                                     chunk.value, link->back->value));
        }
        return damaged(chunk + kHeader + 8_B, chunk,
                       fmt::format("the chunk at {:#x} leads back to {:#x} and not to {:#x}",
                                   chunk.value, link->back->value, from.value));
      }
      if (!heap_.unsorted.insert(chunk)) {
        return damaged(from + kHeader, from,
                       fmt::format("it leads back to the chunk at {:#x}", chunk.value));
      }
      from = chunk;
      chunk = link->next;
    }
  }

  Peek& peek_;
  Links& links_;
  Heap& heap_;
};

void forget_lists(Heap& heap, Heap::Reported then) {
  heap.fast = {};
  heap.unsorted = {};
  heap.forget_since(then);
  for (Arena& arena : heap.arenas) arena.fast = {};
}

}  // namespace

Linking deduce_linking(Peek& peek, const std::vector<Address>& entries) {
  std::size_t plain = 0, shifted = 0;
  for (const Address entry : entries) {
    const auto stored = peek.word(entry);
    if (!stored) continue;
    const auto leads_somewhere = [&](Linking linking) {
      const Address next = follow(linking, entry, *stored);
      return next.value == 0 || (next.value % 16 == 0 && peek.word(next).has_value());
    };
    plain += leads_somewhere(Linking::kPlain);
    shifted += leads_somewhere(Linking::kShifted);
  }
  return plain > shifted ? Linking::kPlain : Linking::kShifted;
}

std::vector<Address> fast_heads(Peek& peek, const Heap& heap) {
  std::vector<Address> heads;
  for (const Arena& arena : heap.arenas) {
    if (!arena.layout.has_fast_bins()) continue;
    for (std::size_t i = 0; i < Layout::kFastBins; ++i) {
      const auto head = peek.word(arena.state + arena.layout.fast_bins() + Bytes{i * 8});
      if (head.value_or(0) != 0 && heap.can_hold(Address{*head})) {
        heads.push_back(Address{*head} + kHeader);
      }
    }
  }
  return heads;
}

void follow_lists(Peek& peek, const PresentMemory& memory, Heap& heap, Bytes& read) {
  const Heap::Reported then = heap.reported();
  ReadLinks by_reading(peek, heap.linking);
  Following(peek, by_reading, heap).follow_all();
  if (!by_reading.gave_up()) return;
  forget_lists(heap, then);
  KeptLinks kept(memory, heap);
  read += kept.bytes_read();
  Following(peek, kept, heap).follow_all();
  if (kept.is_cut()) {
    heap.notes.push_back(
        "glibc has more free chunks in lists than are kept apart at a time; some in fast bins "
        "count as live");
  }
}

}  // namespace strata::glibc
