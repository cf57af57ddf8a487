// inspect/heap/glibc/heap.h - what glibc's malloc says of itself: arenas, lists and caches.
//
//     main_arena ─next─▶ arena ─next─▶ … ─▶ main_arena        each with its regions of chunks
//     a thread's TLS ─▶ its cache ─▶ chunk ─▶ chunk …         freed, and still marked in use
//     arena.fastbins ─▶ chunk ─▶ chunk …                      likewise
//     arena.bins[1]  ─▶ chunk ⇄ chunk …                       unsorted: binned, by no size yet
//
// All that is small is read here; the chunks themselves are walked (chunk_walk.h) and never kept.
//
// Errors  none: what does not hold together is left out and stands in `damage` or in a note.
// Threads one at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inspect/heap/glibc/arenas.h"
#include "inspect/heap/glibc/layout.h"
#include "inspect/heap/glibc/linking.h"
#include "inspect/heap/glibc/mmapped.h"
#include "inspect/heap/glibc/parameters.h"
#include "inspect/heap/granule_set.h"

namespace strata::glibc {

/// Something that must hold and does not.
struct Damage {
  Address at;
  std::string what;   ///< a sentence without its full stop
  std::string cause;  ///< what usually does that; may be empty
};

struct ListCount {
  std::uint64_t chunks = 0;
  Bytes bytes;
};

/// What a thread keeps for itself of what it freed.
struct ThreadCache {
  Address at;  ///< tcache_perthread_struct
  pid_t tid = 0;
  ListCount all;
};

struct Arena {
  std::string name;  ///< "main arena", "arena 3"
  bool is_main = false;
  Address state;  ///< malloc_state
  Layout layout;
  Address top;  ///< 0 where it never had a chunk
  Address last_remainder;
  Bytes system_mem;            ///< what it says it got from the system
  std::uint64_t attached = 0;  ///< threads, as it counts them
  bool is_locked = false;      ///< a thread was at work in it
  bool is_contiguous = true;
  std::vector<Region> regions;  ///< by address
  std::vector<pid_t> threads;   ///< whose TLS names it
  ListCount fast;
};

struct Heap {
  std::vector<Arena> arenas;  ///< main arenas each before those of its ring, oldest first
  std::optional<Parameters> parameters;
  Linking linking = Linking::kShifted;
  std::vector<ThreadCache> caches;
  std::vector<pid_t> without_cache;   ///< threads of which none was found
  GranuleSet cached, fast, unsorted;  ///< chunks by their address
  MmappedChunks mmapped;
  std::vector<Damage> damage;  ///< at most kMostDamage
  std::vector<std::string> notes;
  Bytes bytes_read;  ///< of the target, to find all this

  std::vector<Range> ground;  ///< the regions of all arenas, by address

  /// Whether a chunk can begin at `address`.
  bool can_hold(Address chunk) const;

  static constexpr std::size_t kMostDamage = 100;
  void report(Damage found) {
    if (damage.size() < kMostDamage) damage.push_back(std::move(found));
  }
};

/// nullopt where the process has no malloc of glibc's that was ever used.
std::optional<Heap> read_heap(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory);

}  // namespace strata::glibc
