// inspect/ledger/findings/huge_contents.h - how much of huge pages is zero: a huge page holds 2 MiB
// for one byte written. Only reading them tells, so it is done only where it was asked for.
// Cost    The pages are read once, 2 MiB at a time, at some 10 GB a second.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/units.h"
#include "inspect/page/present_memory.h"

namespace strata {

struct HugeContents {
  Bytes read;
  Bytes zero;    ///< of read: 4 KiB pages without a single bit set
  Bytes unread;  ///< could not be read, or the process gave it back meanwhile
};

class ZeroCount {
 public:
  /// `huge` are whole pages by address.
  ZeroCount(const PresentMemory& memory, std::vector<Range> huge);
  /// Reads on while `may_go_on` says so, at least once a window; true when all is read.
  bool read_while(const std::function<bool()>& may_go_on);
  const HugeContents& contents() const { return contents_; }
  double share_done() const;

 private:
  void read_window(Range window);

  const PresentMemory& memory_;
  std::vector<Range> huge_;
  std::size_t at_ = 0;
  Bytes all_;
  std::vector<std::byte> window_;
  HugeContents contents_;
};

}  // namespace strata
