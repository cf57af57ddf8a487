// inspect/ledger/findings/kinship.h - processes forked from, or with, the target, and what they
// still share with it.
// After a fork both have the same frame under the same address until one of them writes; then each
// has its own. So the comparison is page by page, address by address, of anonymous pages alone:
// files' pages are shared with everybody anyway.
// Source  /proc/PID/stat, task/*/children (else every process's stat) and exe; page frame numbers
//         of pagemap (CAP_SYS_ADMIN).
// Cost    One small file a thread, at most 1024, and a relative; then 8 bytes a page and process,
//         at most `most` bytes of memory compared.
#pragma once

#include <sys/types.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/units.h"
#include "inspect/target/target.h"

namespace strata {

enum class Relation { kParent, kChild, kSibling };

/// A relative that runs the same executable; one that ran execve() shares no memory.
struct Relative {
  pid_t pid = 0;
  std::string name;  ///< raw
  Relation relation = Relation::kSibling;
  Bytes shared;  ///< the same frame at the same address
  Bytes parted;  ///< at the same address, frames of their own: copied by a write since the fork,
                 ///< or made after it
  std::string unread;  ///< why it could not be compared; empty where it was
};

struct Kinship {
  std::vector<Relative> relatives;  ///< parent, then children, then siblings; by PID
  Bytes shared;            ///< of the target's: on a frame that at least one of them has too
  Bytes compared;          ///< of the target's anonymous memory
  Bytes not_compared;      ///< beyond the limit
  bool by_frames = false;  ///< false: only that there are relatives is known
  bool one_address_space = false;  ///< one of them shares all of it (CLONE_VM)
};

/// The forked relatives of `pid`, at most kMostRelatives; not compared yet.
std::vector<Relative> find_relatives(pid_t pid);
inline constexpr std::size_t kMostRelatives = 64;

/// Compares `anonymous` (the target's present anonymous pages, by address) with each relative.
Kinship compare_relatives(const Target& target, std::vector<Relative> relatives,
                          std::span<const Range> anonymous, Bytes most,
                          const Progress& progress = {});

}  // namespace strata
