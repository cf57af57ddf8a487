// present/leaks_baseline.h - leaks that are known already, so that a run tells only of new ones.
// A baseline is what `strata leaks --json` printed before. A leak of the same size, kind and type
// is the same leak; of each the baseline's number is left out, and what goes beyond is new.
// Errors  kCorrupt where the file is no output of strata leaks.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>

#include "base/result.h"
#include "inspect/object/leaks.h"

namespace strata {

class LeaksBaseline {
 public:
  static Result<LeaksBaseline> parse(const std::string& json);

  /// Takes what is known out of `report`; how many that were.
  std::uint64_t take_known(LeakReport& report) const;

 private:
  using Key = std::tuple<std::uint64_t, std::string, std::string>;  // usable bytes, kind, type
  std::map<Key, std::uint64_t> known_;
};

}  // namespace strata
