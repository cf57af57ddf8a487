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
// The rest is a line of its own where a reader who adds up would miss it: from so much on of the
// whole, or of the account that it is part of.
constexpr double kSmallestFold = 0.01;
constexpr double kSmallestFoldOfParent = 0.05;
// Where an account this large is made of nothing but small ones (thousands of stacks), the largest
// few say what they are.
constexpr double kNeedsExamples = 0.05;
constexpr std::size_t kExamples = 3;

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
    weights.reserve(totals_.size());
    for (const Measure& m : totals_) weights.push_back(weight(m));
    std::sort(weights.rbegin(), weights.rend());
    const auto whole = static_cast<double>(weight(total(AccountId::kRoot)).value);
    const Bytes share{static_cast<std::uint64_t>(whole * kSmallestShare)};
    // Of equals at the limit none is shown: which of them it were would be chance.
    constexpr std::size_t kFirstCut = kMostRows + 1;  // the root is no account
    const Bytes ranked = weights.size() > kFirstCut ? weights[kFirstCut] + 1_B : 0_B;
    return std::max({share, ranked, 1_B});
  }

  double share(const Measure& m, AccountId of = AccountId::kRoot) const {
    const Bytes whole = weight(total(of));
    if (whole == 0_B) return 0;
    return static_cast<double>(weight(m).value) / static_cast<double>(whole.value);
  }

  bool is_worth_a_row(const Measure& m) const { return weight(m) >= least_shown_; }

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
    if (list.empty()) return;
    const Measure own = ledger_.own(parent);
    const Part part = part_shown(list, own);
    std::size_t folded = list.size() - part.children;
    Measure rest;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Measure& m = total(list[i]);
      const bool is_leaf = children_[static_cast<std::size_t>(list[i])].empty();
      const bool is_shown = shown && i < part.children;
      if (i >= part.children) rest.add(m);
      add_row(m, list[i], ledger_.chart().name(list[i]), {depth, is_leaf, is_shown});
      if (!is_leaf) add_children(list[i], depth + 1, is_shown);
    }
    if (!is_empty(own)) {
      add_row(own, parent, "other", {depth, true, shown && part.own});
      if (!part.own) {
        ++folded;
        rest.add(own);
      }
    }
    if (shown && weight(rest) > 0_B && is_missed(rest, parent, part)) {
      add_row(rest, AccountId::kRoot, fmt::format("… {} more", folded), {depth, false, true});
    }
  }

  /// What of an account's parts has a row: its first children, and what it has of its own.
  struct Part {
    std::size_t children;
    bool own;
  };

  Part part_shown(const std::vector<AccountId>& list, const Measure& own) const {
    if (how_.rows == AccountTree::Rows::kAll) return {list.size(), true};
    const auto first_not = [&](auto&& is_wanted) {  // they are sorted by weight
      return static_cast<std::size_t>(std::find_if_not(list.begin(), list.end(), is_wanted) -
                                      list.begin());
    };
    Part part{first_not([&](AccountId a) { return is_worth_a_row(total(a)); }),
              is_worth_a_row(own)};
    if (part.children > 0 || part.own) return part;
    Measure all;
    for (const AccountId a : list) all.add(total(a));
    if (share(all) >= kNeedsExamples) {
      part.children =
          std::min(kExamples, first_not([&](AccountId a) { return weight(total(a)) > 0_B; }));
    }
    return part;
  }

  /// Whether the rows of `parent` would not seem to add up without a line for the rest of them. An
  /// account of which no part is shown stands for itself, unless it is large.
  bool is_missed(const Measure& rest, AccountId parent, Part part) const {
    if (parent == AccountId::kRoot || share(rest) >= kSmallestFold) return true;
    return (part.children > 0 || part.own) && share(rest, parent) >= kSmallestFoldOfParent;
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

std::string account_footnote(const Table& tree) {
  std::size_t accounts = 0, shown = 0;
  for (const Table::Row& row : tree.rows) {
    if (row.depth == 0 || std::get<Path>(row.cells[0]).empty()) continue;  // "… N more"
    ++accounts;
    if (row.shown) ++shown;
  }
  if (shown == accounts) return "largest first";
  return fmt::format("largest first; {} of {} accounts, --all shows every one", shown, accounts);
}

}  // namespace strata
