// inspect/ledger/heap_accounts.h - what the ledger has of one allocator's heap, account by account.
// Units   Bytes. Of a core what its file holds counts as resident.
// Errors  an account that was never opened has nothing.
// Threads any number at once.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "inspect/ledger/explanation.h"

namespace strata {

class HeapAccounts {
 public:
  /// Those below heap / `allocator`. `explanation` must outlive it.
  HeapAccounts(const Explanation& explanation, std::string_view allocator)
      : chart_(explanation.ledger.chart()),
        allocator_(allocator),
        totals_(explanation.ledger.totals()) {}

  /// Of an account with all below it, named by its path.
  Bytes resident(std::initializer_list<std::string_view> below) const {
    return resident(below, {});
  }
  /// Its path in two pieces.
  Bytes resident(std::initializer_list<std::string_view> below,
                 std::initializer_list<std::string_view> further) const {
    const Measure* const m = measure(below, further);
    return m == nullptr ? Bytes{} : m->resident + m->held;
  }
  Bytes virtual_size(std::initializer_list<std::string_view> below) const {
    const Measure* const m = measure(below, {});
    return m == nullptr ? Bytes{} : m->virtual_size;
  }

 private:
  const Measure* measure(std::initializer_list<std::string_view> below,
                         std::initializer_list<std::string_view> further) const {
    auto account = chart_.find({"heap", allocator_});
    for (const auto names : {below, further}) {
      for (const std::string_view name : names) {
        if (account) account = chart_.find(*account, name);
      }
    }
    return account ? &totals_[static_cast<std::size_t>(*account)] : nullptr;
  }

  const Chart& chart_;
  std::string_view allocator_;
  std::vector<Measure> totals_;
};

}  // namespace strata
