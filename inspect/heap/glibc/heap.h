// inspect/heap/glibc/heap.h - what glibc's malloc says of itself: arenas, lists and caches.
//
//     main_arena ─next─▶ arena ─next─▶ … ─▶ main_arena        each with its regions of chunks
//     a thread's TLS ─▶ its cache ─▶ chunk ─▶ chunk …         freed, and still marked in use
//     arena.fastbins ─▶ chunk ─▶ chunk …                      likewise; marked by fast_bins.h
//
// All that is small is read here; the chunks themselves are walked (chunk_walk.h), and kept
// as sizes and states alone (chunk_tape.h).
//
// Errors  none: what does not hold together is left out and stands in `damage` or in a note.
// Threads one at a time.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "inspect/heap/glibc/arenas.h"
#include "inspect/heap/glibc/chunk.h"
#include "inspect/heap/glibc/layout.h"
#include "inspect/heap/glibc/linking.h"
#include "inspect/heap/glibc/mmapped.h"
#include "inspect/heap/glibc/parameters.h"
#include "inspect/heap/granule_set.h"

namespace strata::glibc {

/// A chunk and those beside it, as far as they are known.
struct Neighbours {
  Chunk before, itself, after;  ///< empty where none stands, or none that could be walked
};

/// Something that must hold and does not.
struct Damage {
  Address at;
  std::string what;   ///< a sentence without its full stop
  std::string cause;  ///< what usually does that; may be empty
  Address chunk;      ///< that it is about; 0 where it is about no chunk
  Neighbours around;  ///< of that chunk; the walk fills it in
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
  std::array<Address, Layout::kFastBins> fast_bins;  ///< where each leads; 0 where it is empty
  Address unsorted;            ///< where its unsorted bin leads: the bin itself where it is empty
  Bytes system_mem;            ///< what it says it got from the system
  std::uint64_t attached = 0;  ///< threads, as it counts them
  bool is_locked = false;      ///< a thread was at work in it
  /// It is locked or, as a process with one thread locks nothing, that thread was in the C library.
  bool is_at_work = false;
  bool is_top_lost = false;  ///< it leads outside of the regions
  bool is_contiguous = true;
  std::vector<Region> regions;  ///< by address
  std::vector<pid_t> threads;   ///< whose TLS names it
};

struct Heap {
  std::vector<Arena> arenas;  ///< main arenas each before those of its ring, oldest first
  std::optional<Parameters> parameters;
  Linking linking = Linking::kShifted;
  std::vector<ThreadCache> caches;
  std::vector<pid_t> without_cache;  ///< threads of which none was found
  std::vector<pid_t> at_work;        ///< those that stood in the code of the C library
  std::vector<pid_t> waiting;        ///< those that wait in the kernel, where that code called it
  GranuleSet cached, fast;           ///< chunks by their address
  MmappedChunks mmapped;
  std::vector<Damage> damage;  ///< at most kMostDamage
  /// What does not hold where a thread was at work, which is no damage; as many at most.
  std::vector<Damage> unfinished;
  std::vector<std::string> notes;
  Bytes bytes_read;  ///< of the target, to find all this
  // Of the walk that is under way or was the last:
  std::uint64_t searched = 0;  ///< headers looked at where a chain had broken
  Bytes not_resident;          ///< not walked, as a header there is on no page in memory

  std::vector<Range> ground;  ///< the regions of all arenas, by address

  /// Whether a chunk can begin at `address`.
  bool can_hold(Address chunk) const;

  static constexpr std::size_t kMostDamage = 100;
  /// Each place once. Of an arena where a thread was at work it is unfinished; but a core is of one
  /// that can have been at work on damage, and nobody can look again.
  void report(const Arena& arena, Damage found);
  void report(const ThreadCache& cache, Damage found);
  bool is_core = false;
  /// Of a heap that ran while it was read: what does not hold is damage where it did not hold in
  /// `earlier` either. The rest is unfinished.
  void doubt(const std::vector<Damage>& earlier);

  /// To take back what was reported since: a walk that is made again finds it again.
  struct Reported {
    std::size_t damage, unfinished;
  };
  Reported reported() const { return {damage.size(), unfinished.size()}; }
  void forget_since(Reported then) {
    damage.resize(std::min(then.damage, damage.size()));
    unfinished.resize(std::min(then.unfinished, unfinished.size()));
  }

 private:
  void report_unfinished(Damage found);
  static void add(std::vector<Damage>& to, Damage found);
};

/// nullopt where the process has no malloc of glibc's that was ever used, or none that is known:
/// `misfits` is told of those (misfit.h).
std::optional<Heap> read_heap(Peek& peek, const HeapScene& scene, const AnonymousMemory& memory,
                              std::vector<std::string>* misfits = nullptr);

}  // namespace strata::glibc
