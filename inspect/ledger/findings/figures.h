// inspect/ledger/findings/figures.h - what the rules have in common: what is worth a line, figures
// by account and by mapping, and how they are named.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/humanised.h"
#include "inspect/ledger/explanation.h"

namespace strata {

/// What the process holds: resident and swapped.
Bytes held(const Explanation& e);

/// A twentieth of what the process holds, and at least 128 KiB. Less than that changes nothing, in
/// no process: not if it were all saved.
bool is_worth_a_line(Bytes bytes, const Explanation& e);

/// "heap / glibc / main arena", printable.
std::string account_name(const Chart& chart, AccountId account);

/// An account and one figure of it.
struct Ranked {
  AccountId account = AccountId::kRoot;
  Bytes bytes;
};

/// The `most` accounts with the largest figure of their own, those without left out.
std::vector<Ranked> widest_accounts(const Explanation& e,
                                    const std::function<Bytes(const Measure&)>& figure,
                                    std::size_t most);

/// The same where no account has much by itself: two thousand stacks are "stacks". An account
/// stands for those below it unless one of them has half of what it has.
std::vector<Ranked> widest_groups(const Explanation& e,
                                  const std::function<Bytes(const Measure&)>& figure,
                                  std::size_t most);

/// widest_accounts() of a figure of each mapping, booked under what nearly all of the mapping is.
class ByPurpose {
 public:
  explicit ByPurpose(const Explanation& e) : e_(e) {}
  void add(const MappingEntry& entry, Bytes bytes);
  std::vector<Ranked> widest(std::size_t most) const;

 private:
  const Explanation& e_;
  std::vector<Bytes> sums_;
};

/// "a 3.0 MiB, b 1.0 MiB", each with its account's name.
std::string listed(const Explanation& e, const std::vector<Ranked>& ranked);

/// Each mapping that smaps has a line for, with what the ledger knows of it.
void for_each_usage(
    const Explanation& e,
    const std::function<void(const MappingUsage&, const Mapping&, const MappingEntry&)>& visit);

/// "1 thread", "2 threads".
std::string counted(std::uint64_t count, const char* noun);

/// The part of `part` in `whole`, in percent.
double percent(Bytes part, Bytes whole);

}  // namespace strata
