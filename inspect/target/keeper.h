// inspect/target/keeper.h - the process that holds a frozen target, and what it tells strata.
//
// The two share one mapping, made before the fork; strata reads a part only after the byte on the
// channel that says it is there. From then on the keeper changes nothing but `phase` and `end_ns`.
//
//     strata                          keeper
//       │  fork ───────────────────────▶ │ closes what it inherited, waits
//       │  limit_ns, kStopWord ────────▶ │ seizes and interrupts until every thread stands
//       │ ◀──────────── 1 byte, phase ── │ kStanding or kFailed
//       │  any byte, or the end closes ▶ │ kLettingGo, detaches, exits
//
// Rules   Between fork and exit only system calls are made: strata may have had other threads,
//         whose locks (malloc's too) stay taken for ever in the copy.
// Units   Times are nanoseconds of CLOCK_MONOTONIC.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>

#include "inspect/target/registers.h"

namespace strata {

enum class KeeperPhase : std::uint32_t { kStopping, kStanding, kFailed, kLettingGo };

enum class KeeperFailure : std::uint32_t {
  kNone,
  kSetUp,     ///< a system call before the first thread was touched, named in `failed_call`
  kRefused,   ///< PTRACE_SEIZE of `failed_tid`
  kGone,      ///< no thread is left
  kNothing,   ///< no thread stopped in time
  kReplaced,  ///< `failed_tid` was seized, and is another process's by now
  kCrowded,   ///< more threads than there is room for
  kAsked,     ///< strata's end closed before all stood
};

struct KeptThread {
  enum class Stand : std::uint8_t {
    kMoving,  ///< seized and interrupted, not seen to stop
    kStands,
    kZombie,  ///< a leader that ended before its threads: it cannot be traced and runs nothing
    kGone,
  };

  pid_t tid;
  Stand stand;
  char state;  ///< 'T' where a signal had stopped it before, else 't'
  bool has_registers;
  int signal;  ///< the signal it was about to take when it stopped: given back on detach
  std::uint32_t vector_words;  ///< how many of them are in the report
  Registers registers;
};

struct KeeperReport {
  std::int64_t limit_ns;  ///< written by strata before kStopWord

  // Written by strata before the fork.
  std::uint32_t capacity;
  std::uint32_t index_mask;  ///< size of index, a power of two, less one
  KeptThread* threads;
  std::uint32_t* index;  ///< tid to position + 1 in threads, open addressing
  /// For each of `threads` room for kMostVectorWords. Apart from them, so that a page of it is made
  /// only where a thread has some.
  std::uint64_t* vector_words;

  VectorWords vector_words_of(std::uint32_t thread) const {
    return VectorWords{vector_words + thread * kMostVectorWords, kMostVectorWords};
  }

  std::atomic<KeeperPhase> phase;
  KeeperFailure failure;
  int failed_errno;
  pid_t failed_tid;
  const char* failed_call;
  std::uint32_t thread_count;
  bool still_appearing;   ///< all that were known stood, and the last listing in time showed more
  std::int64_t start_ns;  ///< before the first thread was touched; 0 before
  std::int64_t standing_ns;
  std::atomic<std::int64_t> end_ns;  ///< after the last thread was let go; 0 before

  /// Notes a failure; always false.
  bool fail(KeeperFailure why, int error_number, pid_t tid = 0, const char* call = "") {
    failure = why;
    failed_errno = error_number;
    failed_tid = tid;
    failed_call = call;
    return false;
  }
};
static_assert(std::atomic<KeeperPhase>::is_always_lock_free);
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

/// What strata writes to have the target stopped; any other byte ends the keeper.
inline constexpr char kStopWord = 'S';
inline constexpr char kEndWord = 'E';

/// By this much the keeper may pass its limit before the kernel kills it, by a timer that also
/// reaches a keeper stopped by SIGSTOP. Enough to detach some ten thousand threads.
inline constexpr std::int64_t kKeeperOverrunNs = 50'000'000;

/// What the forked child does. `tasks` is the target's /proc/PID/task, `channel` the keeper's end;
/// every other descriptor is closed.
[[noreturn]] void keep(KeeperReport& report, int channel, int tasks);

std::int64_t monotonic_ns();

}  // namespace strata
