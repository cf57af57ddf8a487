#include "present/account_tree.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata {
namespace {

// What is shown of a tree unasked: its largest accounts, as many as leave room on a screen for the
// findings, and none below a share that nobody acts on. An account is never larger than the one
// above it, so the largest are a tree too.
constexpr std::size_t kMostRows = 22;
constexpr double kSmallestShare = 0.005;
constexpr double kSmallestFold = 0.01;

bool is_empty(const Measure& m) { return m.virtual_size == 0_B; }

class TreeBuilder {
 public:
  TreeBuilder(const Ledger& ledger, const AccountTree& how)
      : ledger_(ledger), how_(how), totals_(ledger.totals()), children_(totals_.size()) {
    const Chart& chart = ledger.chart();
    for (std::size_t i = 1; i < totals_.size(); ++i) {
      if (is_empty(totals_[i])) continue;
      children_[static_cast<std::size_t>(chart.parent(AccountId(i)))].push_back(AccountId(i));
    }
    for (auto& list : children_) {
      std::sort(list.begin(), list.end(), [&](AccountId a, AccountId b) {
        const Bytes wa = weight(total(a)), wb = weight(total(b));
        return wa != wb ? wa > wb : total(a).virtual_size > total(b).virtual_size;
      });
    }
    least_shown_ = find_least_shown();
    table_.is_tree = true;
    table_.columns = columns();
  }

  Table build() {
    const std::string name = how_.by == AccountTree::By::kHeld ? "in the core file" : "resident";
    add_row(total(AccountId::kRoot), AccountId::kRoot, name, {0, false, true});
    add_children(AccountId::kRoot, 1, true);
    return std::move(table_);
  }

 private:
  struct Place {
    int depth;
    bool leaf;
    bool shown;
  };

  const Measure& total(AccountId a) const { return totals_[static_cast<std::size_t>(a)]; }
  Bytes weight(const Measure& m) const {
    return how_.by == AccountTree::By::kHeld ? m.held : m.resident;
  }

  std::vector<Column> columns() const {
    const bool held = how_.by == AccountTree::By::kHeld;
    const bool swaps = total(AccountId::kRoot).swapped > 0_B;
    const bool hides_freed = how_.lazily_freed == AccountTree::LazilyFreed::kHidden;
    return {{"path", ""},
            {held ? "" : "resident_bytes", held ? "" : "RESIDENT"},
            {held ? "held_bytes" : "", held ? "IN FILE" : ""},
            {"", "%"},
            {held ? "" : "anonymous_bytes", held ? "" : "ANON"},
            {held ? "" : "swapped_bytes", !held && swaps ? "SWAPPED" : ""},
            {"virtual_bytes", "VIRTUAL"},
            {held ? "" : "huge_bytes", ""},
            {held || hides_freed ? "" : "lazily_freed_bytes", ""},
            {held ? "" : "zero_bytes", ""},
            {held ? "" : "guard_bytes", ""},
            {held ? "" : "hugetlb_bytes", ""},
            {held ? "" : "uncounted_bytes", ""},
            {held ? "" : "unknown_bytes", ""},
            {"evidence", ""},
            {"", "ACCOUNT"}};
  }

  /// The weight from which on an account is shown.
  Bytes find_least_shown() const {
    if (how_.rows == AccountTree::Rows::kAll) return {};
    std::vector<Bytes> weights;
    for (const Measure& m : totals_) weights.push_back(weight(m));
    std::sort(weights.rbegin(), weights.rend());
    const auto whole = static_cast<double>(weight(total(AccountId::kRoot)).value);
    const Bytes share{static_cast<std::uint64_t>(whole * kSmallestShare)};
    const Bytes ranked = weights.size() > kMostRows ? weights[kMostRows] : 0_B;
    return std::max({share, ranked, 1_B});
  }

  double share(const Measure& m) const {
    const Bytes whole = weight(total(AccountId::kRoot));
    if (whole == 0_B) return 0;
    return static_cast<double>(weight(m).value) / static_cast<double>(whole.value);
  }

  void add_row(const Measure& m, AccountId account, const std::string& name, Place place) {
    Path path = ledger_.chart().path(account);
    if (place.leaf && !path.empty() && name != path.back()) path.push_back(name);
    const std::string& why = ledger_.chart().sentence(ledger_.evidence(account));
    Table::Row row;
    row.cells = {std::move(path),
                 m.resident,
                 m.held,
                 Percent{100 * share(m)},
                 m.anonymous,
                 m.swapped,
                 m.virtual_size,
                 m.huge,
                 m.lazily_freed,
                 m.zero,
                 m.guard,
                 m.hugetlb,
                 m.uncounted,
                 m.unknown,
                 why.empty() ? Cell{} : Cell{why},
                 name};
    row.depth = place.depth;
    row.leaf = place.leaf;
    row.shown = place.shown;
    table_.rows.push_back(std::move(row));
  }

  void add_children(AccountId parent, int depth, bool shown) {
    const auto& list = children_[static_cast<std::size_t>(parent)];
    std::size_t folded = 0;
    Measure folded_sum;
    for (const AccountId child : list) {
      const Measure& m = total(child);
      const bool worth = weight(m) >= least_shown_;
      const bool is_leaf = children_[static_cast<std::size_t>(child)].empty();
      if (!worth) {
        ++folded;
        folded_sum.add(m);
      }
      add_row(m, child, ledger_.chart().name(child), {depth, is_leaf, shown && worth});
      if (!is_leaf) add_children(child, depth + 1, shown && worth);
    }
    const Measure own = ledger_.own(parent);
    if (!list.empty() && !is_empty(own)) {
      add_row(own, parent, "other", {depth, true, shown && weight(own) >= least_shown_});
    }
    // What was folded is said where it matters; where nothing below an account is shown, the
    // account stands for it.
    const bool matters = depth == 1 || share(folded_sum) >= kSmallestFold;
    if (folded > 0 && folded < list.size() && shown && matters && weight(folded_sum) > 0_B) {
      add_row(folded_sum, AccountId::kRoot, fmt::format("… {} more", folded), {depth, false, true});
    }
  }

  const Ledger& ledger_;
  const AccountTree& how_;
  std::vector<Measure> totals_;
  std::vector<std::vector<AccountId>> children_;
  Bytes least_shown_;
  Table table_;
};

}  // namespace

Table account_tree(const Ledger& ledger, const AccountTree& how) {
  return TreeBuilder(ledger, how).build();
}

}  // namespace strata
