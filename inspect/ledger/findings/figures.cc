#include "inspect/ledger/findings/figures.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/printable.h"

namespace strata {
namespace {

constexpr Bytes kLeast = 128_KiB;
constexpr std::uint64_t kLeastShare = 20;  // one in so many

std::vector<Ranked> sorted(std::vector<Ranked> ranked, std::size_t most) {
  std::erase_if(ranked, [](const Ranked& r) { return r.bytes == 0_B; });
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const Ranked& a, const Ranked& b) { return a.bytes > b.bytes; });
  if (ranked.size() > most) ranked.resize(most);
  return ranked;
}

}  // namespace

Bytes held(const Explanation& e) {
  const Measure sum = e.ledger.sum();
  return sum.resident + sum.swapped;
}

bool is_worth_a_line(Bytes bytes, const Explanation& e) {
  return bytes >= kLeast && bytes * kLeastShare >= held(e);
}

std::string account_name(const Chart& chart, AccountId account) {
  return joined(chart.path(account));
}

std::vector<Ranked> widest_accounts(const Explanation& e,
                                    const std::function<Bytes(const Measure&)>& figure,
                                    std::size_t most) {
  std::vector<Ranked> ranked;
  ranked.reserve(e.ledger.chart().size());
  for (std::size_t i = 0; i < e.ledger.chart().size(); ++i) {
    ranked.push_back({AccountId(i), figure(e.ledger.own(AccountId(i)))});
  }
  return sorted(std::move(ranked), most);
}

std::vector<Ranked> widest_groups(const Explanation& e,
                                  const std::function<Bytes(const Measure&)>& figure,
                                  std::size_t most) {
  const Chart& chart = e.ledger.chart();
  const std::vector<Measure> totals = e.ledger.totals();
  // Parents are numbered before their children.
  std::vector<Bytes> largest_child(totals.size());
  for (std::size_t i = totals.size(); i-- > 1;) {
    Bytes& largest = largest_child[static_cast<std::size_t>(chart.parent(AccountId(i)))];
    largest = std::max(largest, figure(totals[i]));
  }
  std::vector<bool> is_open(totals.size());  // its children stand for themselves
  std::vector<Ranked> ranked;
  for (std::size_t i = 0; i < totals.size(); ++i) {
    const auto parent = static_cast<std::size_t>(chart.parent(AccountId(i)));
    if (i != 0 && !is_open[parent]) continue;
    const Bytes all = figure(totals[i]);
    is_open[i] = i == 0 || (largest_child[i] > 0_B && largest_child[i] * 2 >= all);
    ranked.push_back({AccountId(i), is_open[i] ? figure(e.ledger.own(AccountId(i))) : all});
  }
  return sorted(std::move(ranked), most);
}

void ByPurpose::add(const MappingEntry& entry, Bytes bytes) {
  const auto index = static_cast<std::size_t>(entry.purpose);
  if (sums_.size() <= index) sums_.resize(std::max(index + 1, e_.ledger.chart().size()));
  sums_[index] += bytes;
}

std::vector<Ranked> ByPurpose::widest(std::size_t most) const {
  std::vector<Ranked> ranked;
  ranked.reserve(sums_.size());
  for (std::size_t i = 0; i < sums_.size(); ++i) ranked.push_back({AccountId(i), sums_[i]});
  return sorted(std::move(ranked), most);
}

std::string listed(const Explanation& e, const std::vector<Ranked>& ranked) {
  std::string list;
  for (const Ranked& r : ranked) {
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ",
                        account_name(e.ledger.chart(), r.account), humanised(r.bytes));
  }
  return list;
}

void for_each_usage(
    const Explanation& e,
    const std::function<void(const MappingUsage&, const Mapping&, const MappingEntry&)>& visit) {
  std::size_t at = 0;
  for (const MappingUsage& usage : e.usage) {
    while (at < e.space.mappings.size() && e.space.mappings[at].range.end <= usage.range.start) {
      ++at;
    }
    if (at == e.space.mappings.size() || at >= e.mappings.size()) return;
    // smaps was read at another moment: a mapping that changed since is left out.
    if (e.space.mappings[at].range.overlaps(usage.range)) {
      visit(usage, e.space.mappings[at], e.mappings[at]);
    }
  }
}

std::string counted(std::uint64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

double percent(Bytes part, Bytes whole) {
  if (whole == 0_B) return 0;
  return 100 * static_cast<double>(part.value) / static_cast<double>(whole.value);
}

}  // namespace strata
