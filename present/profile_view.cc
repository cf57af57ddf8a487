#include "present/profile_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/printable.h"
#include "present/notes_block.h"
#include "present/text.h"

namespace strata {
namespace {

constexpr std::size_t kRowsShown = 20;
// Of a stack, so many functions tell a site from others.
constexpr std::size_t kFramesShown = 4;

Bytes bytes_of(double estimate) {
  constexpr double kMost = 9.2e18;
  return Bytes{static_cast<std::uint64_t>(std::clamp(estimate + 0.5, 0.0, kMost))};
}
std::uint64_t count_of(double estimate) { return bytes_of(estimate).value; }

class Profile {
 public:
  Profile(const HeapProfile& profile, const ProfileView& how) : p_(profile), how_(how) {}

  Document build() {
    Document d;
    d.blocks.push_back({"", "", head(), ""});
    d.blocks.push_back({"target", "", target(), ""});
    std::string footnote;
    Table table = sites(footnote);
    const bool any = !table.rows.empty();
    d.blocks.push_back({"sites", any ? "Sites" : "", std::move(table), any ? footnote : ""});
    d.blocks.push_back({"totals", "", totals(), ""});
    d.blocks.push_back(notes_block(p_.notes));
    return d;
  }

 private:
  Record head() const {
    Record record;
    record.fields = {{"schema", std::string("strata.profile/1")}};
    std::string line = fmt::format("{} ({}): ", printable(p_.identity.name), p_.identity.pid);
    if (!p_.begun) {
      line += "it has not sampled yet";
    } else {
      line += fmt::format("an estimated {} live in {} blocks, by {} samples",
                          humanised(bytes_of(p_.total.live_bytes)), count_of(p_.total.live_blocks),
                          p_.total.samples);
    }
    record.lines = {line};
    record.lines.push_back(
        p_.mean.value == 0
            ? "sampling is off; `strata profile --start 512K` switches it on"
            : fmt::format("one byte in {} is sampled, chosen at random", humanised(p_.mean)));
    return record;
  }

  Record target() const {
    const bool is_core = p_.identity.kind == TargetKind::kCore;
    return {{{"kind", std::string(is_core ? "core" : "process")},
             {"pid", static_cast<std::uint64_t>(p_.identity.pid)},
             {"name", p_.identity.name}},
            {}};
  }

  Record totals() const {
    return {{{"mean_bytes", p_.mean},
             {"samples", p_.total.samples},
             {"live_bytes", bytes_of(p_.total.live_bytes)},
             {"live_blocks", count_of(p_.total.live_blocks)},
             {"asked_bytes", bytes_of(p_.total.asked_bytes)},
             {"error_bytes", bytes_of(std::sqrt(p_.total.live_variance))},
             {"allocated_bytes", bytes_of(p_.total.total_bytes)},
             {"allocated_blocks", count_of(p_.total.total_blocks)},
             {"lost_samples", p_.lost},
             {"lost_stacks", p_.lost_stacks}},
            {}};
  }

  /// Its innermost functions, by name.
  std::vector<std::string> path_of(const ProfileStack& stack) const {
    std::vector<std::string> path;
    for (const std::size_t frame : stack.frames) {
      if (path.size() == kFramesShown) break;
      path.push_back(p_.frames[frame].name);
    }
    if (path.empty()) path.push_back("(not known)");
    return path;
  }

  Table sites(std::string& footnote) const {
    std::map<std::vector<std::string>, ProfileStack> by_path;
    for (const ProfileStack& stack : p_.stacks) {
      ProfileStack& site = by_path[path_of(stack)];
      site.live_bytes += stack.live_bytes;
      site.live_blocks += stack.live_blocks;
      site.asked_bytes += stack.asked_bytes;
      site.live_variance += stack.live_variance;
      site.total_bytes += stack.total_bytes;
      site.total_blocks += stack.total_blocks;
      site.samples += stack.samples;
    }
    std::vector<const std::pair<const std::vector<std::string>, ProfileStack>*> order;
    for (const auto& site : by_path) order.push_back(&site);
    std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      const auto key = [](const ProfileStack& s) { return std::pair(s.live_bytes, s.total_bytes); };
      return key(a->second) > key(b->second);
    });
    Table table;
    table.columns = {{"live_bytes", "LIVE"},
                     {"error_bytes", "+-", Column::kSpare, "+- is the estimate's standard error"},
                     {"live_blocks", "BLOCKS"},
                     {"asked_bytes", "", Column::kSpare},
                     {"allocated_bytes", "ALLOCATED", Column::kSpare,
                      "ALLOCATED is since sampling began, freed or not"},
                     {"allocated_blocks", "", Column::kSpare},
                     {"samples", "SAMPLES", Column::kSpare},
                     {"site", ""},
                     {"", "SITE"}};
    for (const auto* entry : order) {
      const ProfileStack& site = entry->second;
      std::string shown;
      for (const std::string& name : entry->first) shown += (shown.empty() ? "" : " < ") + name;
      Table::Row row;
      row.cells = {bytes_of(site.live_bytes),
                   bytes_of(std::sqrt(site.live_variance)),
                   count_of(site.live_blocks),
                   bytes_of(site.asked_bytes),
                   bytes_of(site.total_bytes),
                   count_of(site.total_blocks),
                   site.samples,
                   Path(entry->first),
                   std::move(shown)};
      row.shown = how_.rows == ProfileView::Rows::kAll || table.rows.size() < kRowsShown;
      table.rows.push_back(std::move(row));
    }
    footnote =
        "sorted by live bytes, all of them estimates; a site is the innermost function with "
        "its callers";
    if (how_.rows == ProfileView::Rows::kWidest && order.size() > kRowsShown) {
      footnote += fmt::format("; {} of {} sites, --all shows every one", kRowsShown, order.size());
    }
    return table;
  }

  const HeapProfile& p_;
  const ProfileView& how_;
};

}  // namespace

Document view(const HeapProfile& profile, const ProfileView& how) {
  return Profile(profile, how).build();
}

}  // namespace strata
