#include "inspect/heap/glibc/heap.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "inspect/heap/glibc/caches.h"
#include "inspect/heap/glibc/lists.h"

namespace strata::glibc {
namespace {

class Reading {
 public:
  Reading(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory)
      : peek_(peek), scene_(scene), memory_(memory) {}

  std::optional<Heap> read() {
    for (const Module& module : scene_.space.modules) {
      const auto statics = read_static_words(peek_, module);
      const auto mains = find_main_arenas(peek_, scene_.space, memory_, statics);
      if (mains.empty()) continue;
      const auto parameters = find_parameters(statics, memory_);
      if (!parameters) {
        heap_.notes.push_back(
            "glibc's malloc_par was not found, so the number of its mmapped chunks is not known");
      }
      for (const MainArena& main : mains) add(main, parameters);
      if (!heap_.parameters) heap_.parameters = parameters;
      find_ground();
      add_mmapped(parameters);
    }
    if (heap_.arenas.empty()) return std::nullopt;
    find_caches(peek_, scene_.space, heap_);
    follow_lists(peek_, scene_.memory, heap_, heap_.bytes_read);
    heap_.bytes_read += peek_.bytes_read();
    return std::move(heap_);
  }

 private:
  void add(const MainArena& main, const std::optional<Parameters>& parameters) {
    ++mains_;
    Arena& arena = add_arena(mains_ == 1 ? "main arena" : fmt::format("main arena {}", mains_),
                             main.state, main.layout);
    arena.is_main = true;
    arena.top = main.top;
    arena.is_contiguous = main.contiguous;
    arena.regions = find_main_regions(peek_, scene_.space, memory_, main, parameters, heap_.notes);
    sort_regions(arena);
    for (const Address state : main.others) {
      ++others_;
      Arena& other = add_arena(fmt::format("arena {}", others_), state, main.layout);
      other.top = Address{peek_.word(state + main.layout.top()).value_or(0)};
      other.regions = find_sub_heaps(peek_, memory_, main.layout, state);
      sort_regions(other);
      for (Region& region : other.regions) region.evidence += "; " + main.evidence;
      if (other.regions.empty()) {
        heap_.notes.push_back(
            fmt::format("glibc's {} at {:#x}: its chain of sub-heaps does not hold together",
                        other.name, state.value));
      }
    }
  }

  Arena& add_arena(std::string name, Address state, Layout layout) {
    Arena& arena = heap_.arenas.emplace_back();
    arena.name = std::move(name);
    arena.state = state;
    arena.layout = layout;
    arena.is_locked = peek_.value<std::int32_t>(state).value_or(0) != 0;
    arena.last_remainder = Address{peek_.word(state + layout.last_remainder()).value_or(0)};
    arena.attached = peek_.word(state + layout.attached_threads()).value_or(0);
    arena.system_mem = Bytes{peek_.word(state + layout.system_mem()).value_or(0)};
    return arena;
  }

  static void sort_regions(Arena& arena) {
    std::sort(arena.regions.begin(), arena.regions.end(),
              [](const Region& a, const Region& b) { return a.range < b.range; });
  }

  void find_ground() {
    heap_.ground.clear();
    for (const Arena& arena : heap_.arenas) {
      for (const Region& region : arena.regions) heap_.ground.push_back(region.chunks);
    }
    std::sort(heap_.ground.begin(), heap_.ground.end());
  }

  void add_mmapped(const std::optional<Parameters>& parameters) {
    std::vector<Range> claimed;
    for (const Arena& arena : heap_.arenas) {
      for (const Region& region : arena.regions) {
        for (const Range& part : memory_.parts(region.range)) claimed.push_back(part);
      }
    }
    for (const Range& chunk : heap_.mmapped.chunks) claimed.push_back(chunk);
    std::sort(claimed.begin(), claimed.end());
    MmappedChunks found = find_mmapped(peek_, scene_.space, memory_, claimed, parameters);
    auto& all = heap_.mmapped.chunks;
    all.insert(all.end(), found.chunks.begin(), found.chunks.end());
    std::sort(all.begin(), all.end());
    if (!found.evidence.empty()) heap_.mmapped.evidence = std::move(found.evidence);
    std::move(found.notes.begin(), found.notes.end(), std::back_inserter(heap_.notes));
  }

  Peek& peek_;
  const HeapScene& scene_;
  const AnonymousMemory& memory_;
  Heap heap_;
  unsigned mains_ = 0;
  unsigned others_ = 0;
};

}  // namespace

bool Heap::can_hold(Address chunk) const {
  if (chunk.value % 16 != 0) return false;
  const auto behind = std::upper_bound(ground.begin(), ground.end(), chunk,
                                       [](Address a, const Range& r) { return a < r.start; });
  return behind != ground.begin() && std::prev(behind)->contains(chunk);
}

std::optional<Heap> read_heap(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory) {
  return Reading(peek, scene, memory).read();
}

}  // namespace strata::glibc
