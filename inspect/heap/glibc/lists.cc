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
    const auto damaged = [&](std::string what, const char* cause) {
      heap_.report(
          {field,
           fmt::format("{}, fast bin of {} bytes: {}", arena.name, expected.value, std::move(what)),
           cause});
    };
    Address chunk{peek_.word(field).value_or(0)};
    while (chunk.value != 0) {
      if (!heap_.can_hold(chunk)) {
        return damaged(fmt::format("a link leads to {:#x}, outside of the heap", chunk.value),
                       kUseAfterFree);
      }
      const auto link = links_.of(chunk, Links::List::kFast);
      if (!link) return;
      if (link->size && *link->size != expected) {
        return damaged(
            fmt::format("the chunk at {:#x} has {} bytes", chunk.value, link->size->value),
            kOverrun);
      }
      if (!heap_.fast.insert(chunk)) {
        return damaged(fmt::format("the chunk at {:#x} stands in the lists twice", chunk.value),
                       "it was freed twice");
      }
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
    const auto damaged = [&](std::string what) {
      heap_.report({from + kHeader,
                    fmt::format("{}, unsorted bin: {}", arena.name, std::move(what)),
                    kUseAfterFree});
    };
    Address chunk{peek_.word(bin + kHeader).value_or(0)};
    while (chunk != bin && chunk.value != 0) {
      if (!heap_.can_hold(chunk)) {
        return damaged(fmt::format("a link leads to {:#x}, outside of the heap", chunk.value));
      }
      const auto link = links_.of(chunk, Links::List::kBin);
      if (!link) return;
      if (link->back && *link->back != from) {
        return damaged(fmt::format("the chunk at {:#x} leads back to {:#x} and not to {:#x}",
                                   chunk.value, link->back->value, from.value));
      }
      if (!heap_.unsorted.insert(chunk)) {
        return damaged(fmt::format("the chunk at {:#x} stands in it twice", chunk.value));
      }
      from = chunk;
      chunk = link->next;
    }
  }

  Peek& peek_;
  Links& links_;
  Heap& heap_;
};

void forget_lists(Heap& heap, std::size_t damage) {
  heap.fast = {};
  heap.unsorted = {};
  heap.damage.resize(damage);
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
  const std::size_t damage = heap.damage.size();
  ReadLinks by_reading(peek, heap.linking);
  Following(peek, by_reading, heap).follow_all();
  if (!by_reading.gave_up()) return;
  forget_lists(heap, damage);
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
