#include "inspect/heap/glibc/heap.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>

#include "inspect/heap/glibc/caches.h"
#include "inspect/heap/glibc/misfit.h"

namespace strata::glibc {
namespace {

// The bytes of `syscall`, which a thread that waits in the kernel stands behind.
constexpr std::uint16_t kSystemCall = 0x050f;
// A process can map a thousand files by the C library's name.
constexpr unsigned kMostMisfits = 4;

class Reading {
 public:
  Reading(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory)
      : peek_(peek), scene_(scene), memory_(memory) {}

  std::optional<Heap> read(std::vector<std::string>* misfits) {
    heap_.is_core = scene_.memory.target().identity().kind == TargetKind::kCore;
    for (const Module& module : scene_.space.modules) {
      const auto statics = read_static_words(peek_, module);
      const auto mains = find_main_arenas(peek_, scene_.space, memory_, statics);
      if (mains.empty()) {
        if (misfits_ == kMostMisfits) continue;
        auto misfit = find_misfit(peek_, scene_, memory_, module, statics);
        if (!misfit) continue;
        ++misfits_;
        heap_.notes.push_back(std::move(*misfit));
        continue;
      }
      const auto parameters = find_parameters(statics, memory_);
      if (!parameters) {
        heap_.notes.push_back(
            "glibc's malloc_par was not found, so the number of its mmapped chunks is not known");
      }
      for (const Thread& thread : scene_.space.threads) {
        note_place(thread, module);
      }
      for (const MainArena& main : mains) add(main, parameters);
      if (!heap_.parameters) heap_.parameters = parameters;
      drop_overlaps();
      find_ground();
      add_mmapped(parameters);
    }
    if (heap_.arenas.empty()) {
      if (misfits != nullptr) *misfits = std::move(heap_.notes);
      return std::nullopt;
    }
    find_caches(peek_, scene_.space, heap_);
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
    arena.is_top_lost = arena.top.value != 0 && !is_in_region(arena, arena.top);
    report_links(arena, main);
    for (const Address state : main.others) {
      ++others_;
      Arena& other = add_arena(fmt::format("arena {}", others_), state, main.layout);
      other.top = Address{peek_.word(state + main.layout.top()).value_or(0)};
      SubHeaps heaps = find_sub_heaps(peek_, memory_, main.layout, state);
      other.regions = std::move(heaps.regions);
      sort_regions(other);
      other.is_top_lost = other.top.value != 0 && !is_in_region(other, other.top);
      report_heaps(other, heaps.broken);
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
    arena.is_at_work =
        arena.is_locked || (scene_.space.threads.size() == 1 && !heap_.at_work.empty());
    arena.last_remainder = Address{peek_.word(state + layout.last_remainder()).value_or(0)};
    for (std::size_t i = 0; layout.has_fast_bins() && i < Layout::kFastBins; ++i) {
      const Address head = state + layout.fast_bins() + Bytes{i * 8};
      arena.fast_bins[i] = Address{peek_.word(head).value_or(0)};
    }
    arena.unsorted = Address{peek_.word(state + layout.bins).value_or(0)};
    arena.attached = peek_.word(state + layout.attached_threads()).value_or(0);
    arena.system_mem = Bytes{peek_.word(state + layout.system_mem()).value_or(0)};
    return arena;
  }

  void report_links(const Arena& main, const MainArena& found) {
    if (found.ring_break) {
      heap_.report(main,
                   {found.ring_break->at,
                    fmt::format("the ring of arenas leads to {:#x}, where no arena is; beside "
                                "the main one {} could be found",
                                found.ring_break->leads_to, found.others.size()),
                    "memory before or around the arena was written beyond its end",
                    {},
                    {}});
    }
    // Where it leads to a chunk, that one's links are looked at by the walk.
    if (found.bin_break && !is_in_region(main, Address{found.bin_break->leads_to})) {
      heap_.report(main, {found.bin_break->at,
                          fmt::format("{}: a bin leads to {:#x}, and not back from there",
                                      main.name, found.bin_break->leads_to),
                          "a block was written to after it was freed, or the C library's data was "
                          "written over",
                          {},
                          {}});
    }
    if (!main.is_top_lost) return;
    heap_.report(main, {main.state + main.layout.top(),
                        fmt::format("{}: its top {:#x} lies in none of its regions", main.name,
                                    main.top.value),
                        "the C library's data was written over",
                        {},
                        {}});
  }

  void report_heaps(const Arena& arena, const std::optional<SubHeaps::Broken>& broken) {
    if (broken) {
      heap_.report(arena, {broken->at,
                           fmt::format("{}: {}", arena.name, broken->what),
                           "the front of a block of 64 MiB, where the arena is kept, was written "
                           "over",
                           {},
                           {}});
      return;
    }
    Bytes sum;
    for (const Region& region : arena.regions) sum += region.chunks.end - region.range.start;
    if (sum == arena.system_mem) return;
    heap_.report(arena,
                 {arena.state + arena.layout.system_mem(),
                  fmt::format("{}: it counts {} bytes from the system, and its sub-heaps "
                              "have {}",
                              arena.name, arena.system_mem.value, sum.value),
                  "the front of a block of 64 MiB, where the arena is kept, was written over",
                  {},
                  {}});
  }

  static bool is_in_region(const Arena& arena, Address address) {
    return std::any_of(arena.regions.begin(), arena.regions.end(),
                       [&](const Region& region) { return region.chunks.contains(address); });
  }

  /// Whether `thread`, which stands, was at work in the code of the module with the arena, at an
  /// instruction of it, or waits in the kernel behind one.
  void note_place(const Thread& thread, const Module& module) {
    if (!thread.instruction_pointer || !module.range.contains(*thread.instruction_pointer)) return;
    const auto before = peek_.value<std::uint16_t>(*thread.instruction_pointer - 2_B);
    if (before != kSystemCall) {
      heap_.at_work.push_back(thread.tid);
    } else if (!module.is_executable) {  // of a static program it may be its own code
      heap_.waiting.push_back(thread.tid);
    }
  }

  static void sort_regions(Arena& arena) {
    std::sort(arena.regions.begin(), arena.regions.end(),
              [](const Region& a, const Region& b) { return a.range < b.range; });
  }

  /// Where words of two arenas lead to the same memory, it is the one's that is found first.
  void drop_overlaps() {
    std::vector<Range> taken;
    for (Arena& arena : heap_.arenas) {
      std::erase_if(arena.regions, [&](const Region& region) {
        const auto behind = std::upper_bound(taken.begin(), taken.end(), region.range);
        const bool is_free =
            (behind == taken.end() || behind->start >= region.range.end) &&
            (behind == taken.begin() || std::prev(behind)->end <= region.range.start);
        if (is_free && !region.range.empty()) {
          taken.insert(behind, region.range);
          return false;
        }
        heap_.report(arena, {arena.state,
                             fmt::format("{}: its region at {:#x} is another's too", arena.name,
                                         region.range.start.value),
                             "the arena's own words were written over",
                             {},
                             {}});
        return true;
      });
    }
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
    // Another C library's, loaded by dlmopen(), may lie between.
    std::map<Range, Address> headers;
    for (const MmappedChunks* const part : {&heap_.mmapped, &found}) {
      for (std::size_t i = 0; i < part->chunks.size(); ++i) {
        headers.emplace(part->chunks[i], part->headers[i]);
      }
    }
    heap_.mmapped.chunks.clear();
    heap_.mmapped.headers.clear();
    for (const auto& [chunk, header] : headers) {
      heap_.mmapped.chunks.push_back(chunk);
      heap_.mmapped.headers.push_back(header);
    }
    if (!found.evidence.empty()) heap_.mmapped.evidence = std::move(found.evidence);
    std::move(found.notes.begin(), found.notes.end(), std::back_inserter(heap_.notes));
  }

  Peek& peek_;
  const HeapScene& scene_;
  const AnonymousMemory& memory_;
  Heap heap_;
  unsigned mains_ = 0;
  unsigned misfits_ = 0;
  unsigned others_ = 0;
};

}  // namespace

bool Heap::can_hold(Address chunk) const {
  if (chunk.value % 16 != 0) return false;
  const auto behind = std::upper_bound(ground.begin(), ground.end(), chunk,
                                       [](Address a, const Range& r) { return a < r.start; });
  return behind != ground.begin() && std::prev(behind)->contains(chunk);
}

void Heap::add(std::vector<Damage>& to, Damage found) {
  const bool is_known =
      std::any_of(to.begin(), to.end(), [&](const Damage& known) { return known.at == found.at; });
  if (!is_known && to.size() < kMostDamage) to.push_back(std::move(found));
}

void Heap::report(const Arena& arena, Damage found) {
  arena.is_at_work ? report_unfinished(std::move(found)) : add(damage, std::move(found));
}

void Heap::report(const ThreadCache& cache, Damage found) {
  const bool works = std::find(at_work.begin(), at_work.end(), cache.tid) != at_work.end();
  works ? report_unfinished(std::move(found)) : add(damage, std::move(found));
}

void Heap::doubt(const std::vector<Damage>& earlier) {
  const auto moved = std::stable_partition(damage.begin(), damage.end(), [&](const Damage& now) {
    return std::any_of(earlier.begin(), earlier.end(), [&](const Damage& then) {
      return then.at == now.at && then.what == now.what;
    });
  });
  for (auto it = moved; it != damage.end(); ++it) add(unfinished, std::move(*it));
  damage.erase(moved, damage.end());
}

void Heap::report_unfinished(Damage found) {
  if (!is_core) return add(unfinished, std::move(found));
  found.cause += found.cause.empty() ? "" : "; or ";
  found.cause += "a thread was in the middle of an operation";
  add(damage, std::move(found));
}

std::optional<Heap> read_heap(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory,
                              std::vector<std::string>* misfits) {
  return Reading(peek, scene, memory).read(misfits);
}

}  // namespace strata::glibc
