// inspect/ledger/usage_reading.h - whether smaps is worth its walk, and the reading of it.
// smaps costs the kernel a walk of all page tables, six times as long as the scan. It is read where
// that is little, where many small mappings are worth it, and where it was asked for; a frozen
// target does not stand for it longer than a third of the limit.
#pragma once

#include "inspect/ledger/explanation.h"

namespace strata {

class UsageReading {
 public:
  /// All three must outlive it.
  UsageReading(const Target& target, const ExplainOptions& options, Explanation& explanation)
      : target_(target), options_(options), e_(explanation) {}

  /// Of the running target, before it is frozen: what would be too long while it stands.
  void read_beforehand();
  /// Once the mappings are known. What is not read is said, with its cost.
  void read_if_worth_it(const Progress& progress);

 private:
  bool is_asked_for() const;
  bool fits_while_standing() const;
  double walk_seconds() const;
  void read(const Progress& progress);

  const Target& target_;
  const ExplainOptions& options_;
  Explanation& e_;
};

}  // namespace strata
