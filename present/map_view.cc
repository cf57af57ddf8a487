#include "present/map_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <numeric>

#include "base/printable.h"
#include "present/notes_block.h"
#include "present/text.h"

namespace strata {
namespace {

Path purpose_of(const Explanation& e, std::size_t i) {
  Path path = e.ledger.chart().path(e.mappings[i].purpose);
  if (path.empty()) path.emplace_back("unexplained");
  return path;
}

/// Whether `text` contains `part`, upper and lower case alike.
bool contains(const std::string& text, const std::string& part) {
  const auto same = [](unsigned char a, unsigned char b) {
    return std::tolower(a) == std::tolower(b);
  };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end() ||
         part.empty();
}

/// smaps' figures for each mapping, in the mappings' order; null where it says nothing of one.
std::vector<const MappingUsage*> usage_by_mapping(const Explanation& e) {
  std::vector<const MappingUsage*> out(e.space.mappings.size(), nullptr);
  auto usage = e.usage.begin();
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Range range = e.space.mappings[i].range;
    while (usage != e.usage.end() && usage->range.start < range.start) ++usage;
    if (usage != e.usage.end() && usage->range == range) out[i] = &*usage;
  }
  return out;
}

std::string state_of(PageFlags flags) {
  static constexpr std::pair<PageFlag, const char*> kNames[] = {
      {PageFlag::kPresent, "present"}, {PageFlag::kSwapped, "swapped"},
      {PageFlag::kFile, "file"},       {PageFlag::kZero, "zero"},
      {PageFlag::kHuge, "huge"},       {PageFlag::kGuard, "guard"},
      {PageFlag::kHugetlb, "hugetlb"}, {PageFlag::kUncounted, "uncounted"},
      {PageFlag::kUnknown, "unknown"}};
  std::string text;
  for (const auto& [flag, name] : kNames) {
    if (flags.has(flag)) text += (text.empty() ? "" : " ") + std::string(name);
  }
  if (flags.has(PageFlag::kPresent) && !flags.has(PageFlag::kFile) && !flags.has(PageFlag::kZero)) {
    text += " anonymous";
  }
  return text;
}

class MapBuilder {
 public:
  MapBuilder(const Explanation& e, const MapView& how)
      : e_(e),
        how_(how),
        usage_(usage_by_mapping(e)),
        is_core_(e.identity.kind == TargetKind::kCore) {}

  Document build() {
    Document d;
    const Identity& i = e_.identity;
    const std::vector<std::size_t> order = selected();
    Record head;
    head.fields = {{"schema", std::string("strata.map/1")}};
    head.lines = {
        fmt::format("{} ({}): {} mappings", printable(i.name), i.pid, e_.space.mappings.size())};
    if (order.size() != e_.space.mappings.size()) {
      head.lines[0] +=
          fmt::format(", {} shown that match \"{}\"", order.size(), printable(how_.filter));
    }
    d.blocks.push_back({"", "", std::move(head), ""});
    Record target;
    target.fields = {{"kind", std::string(is_core_ ? "core" : "process")},
                     {"pid", static_cast<std::uint64_t>(i.pid)},
                     {"name", i.name}};
    d.blocks.push_back({"target", "", std::move(target), ""});
    d.blocks.push_back({"mappings", "", mappings(order), footnote()});
    if (how_.pages == MapView::Pages::kShow) {
      d.blocks.push_back({"pages", "Runs of pages in one state", pages(order), ""});
    }
    d.blocks.push_back({"totals", "", totals(order), ""});
    d.blocks.push_back(notes_block(e_.notes));
    return d;
  }

 private:
  std::vector<std::size_t> selected() const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < e_.space.mappings.size(); ++i) {
      const Mapping& m = e_.space.mappings[i];
      const std::string text = joined(purpose_of(e_, i)) + "\n" + m.name + "\n" + protection(m);
      if (contains(text, how_.filter)) order.push_back(i);
    }
    if (how_.sort != MapView::Sort::kAddress) {
      std::stable_sort(order.begin(), order.end(),
                       [&](std::size_t a, std::size_t b) { return key(a) > key(b); });
    }
    return order;
  }

  Bytes key(std::size_t i) const {
    const Measure& m = e_.mappings[i].measure;
    switch (how_.sort) {
      case MapView::Sort::kSize:
        return m.virtual_size;
      case MapView::Sort::kProportional:
        return usage_[i] == nullptr ? 0_B : usage_[i]->proportional;
      case MapView::Sort::kDirty:
        return usage_[i] == nullptr ? 0_B : usage_[i]->private_dirty;
      case MapView::Sort::kSwapped:
        return m.swapped;
      default:
        return is_core_ ? m.held : m.resident;
    }
  }

  std::string footnote() const {
    std::string text = how_.sort == MapView::Sort::kAddress ? "by address" : "largest first";
    if (e_.usage.empty() && !is_core_) text += "; smaps was not read";
    return text;
  }

  Table mappings(const std::vector<std::size_t>& order) const {
    const bool swaps = e_.ledger.sum().swapped > 0_B;
    Table table;
    table.columns = {
        {"start", "START"},
        {"end", ""},
        {"size_bytes", "SIZE"},
        {is_core_ ? "" : "resident_bytes", is_core_ ? "" : "RESIDENT"},
        {is_core_ ? "held_bytes" : "", is_core_ ? "IN FILE" : ""},
        {is_core_ ? "" : "proportional_bytes", is_core_ ? "" : "PROPORT.", Column::kSpare,
         "PROPORT. is each page divided by the number of its mappers, by smaps"},
        {is_core_ ? "" : "private_dirty_bytes", is_core_ ? "" : "DIRTY", Column::kSpare,
         "DIRTY is private dirty, by smaps"},
        {is_core_ ? "" : "anonymous_bytes", ""},
        {is_core_ ? "" : "swapped_bytes", swaps ? "SWAPPED" : ""},
        {is_core_ ? "" : "guard_bytes", ""},
        {is_core_ ? "" : "zero_bytes", ""},
        {is_core_ ? "" : "huge_bytes", ""},
        {"protection", "PROT"},
        {"purpose", "PURPOSE"},
        {"evidence", ""},
        {"name", ""},
        {"offset", ""},
        {"inode", ""}};
    for (const std::size_t i : order) {
      const Mapping& m = e_.space.mappings[i];
      const MappingEntry& entry = e_.mappings[i];
      const std::string& why = e_.ledger.chart().sentence(entry.evidence);
      Path purpose = purpose_of(e_, i);
      Table::Row row;
      row.cells = {m.range.start,
                   m.range.end,
                   m.range.size(),
                   entry.measure.resident,
                   entry.measure.held,
                   usage_[i] == nullptr ? Cell{} : Cell{usage_[i]->proportional},
                   usage_[i] == nullptr ? Cell{} : Cell{usage_[i]->private_dirty},
                   entry.measure.anonymous,
                   entry.measure.swapped,
                   entry.measure.guard,
                   entry.measure.zero,
                   entry.measure.huge,
                   protection(m),
                   std::move(purpose),
                   why.empty() ? Cell{} : Cell{why},
                   m.name.empty() ? Cell{} : Cell{m.name},
                   m.offset,
                   m.has_file() ? Cell{m.inode} : Cell{}};
      table.rows.push_back(std::move(row));
    }
    return table;
  }

  Table pages(const std::vector<std::size_t>& order) const {
    Table table;
    table.columns = {{"start", "START"}, {"end", "END"}, {"bytes", "SIZE"}, {"state", "STATE"}};
    std::vector<std::size_t> by_address = order;
    std::sort(by_address.begin(), by_address.end());
    auto run = e_.runs.begin();
    for (const std::size_t i : by_address) {
      const Range range = e_.space.mappings[i].range;
      while (run != e_.runs.end() && run->range.end <= range.start) ++run;
      for (; run != e_.runs.end() && run->range.start < range.end; ++run) {
        Table::Row row;
        row.cells = {run->range.start, run->range.end, run->range.size(), state_of(run->flags)};
        table.rows.push_back(std::move(row));
      }
    }
    return table;
  }

  Record totals(const std::vector<std::size_t>& order) const {
    Measure sum;
    Bytes proportional, dirty, size;
    for (const std::size_t i : order) {
      sum.add(e_.mappings[i].measure);
      // [vsyscall] is not the process's own, and VmSize leaves it out.
      if (e_.space.mappings[i].name != "[vsyscall]") size += e_.space.mappings[i].range.size();
      if (usage_[i] == nullptr) continue;
      proportional += usage_[i]->proportional;
      dirty += usage_[i]->private_dirty;
    }
    const auto counter = [](const std::optional<Bytes>& b) { return b ? Cell{*b} : Cell{}; };
    const auto seen = [&](Bytes b) { return is_core_ ? Cell{} : Cell{b}; };  // a core has no pages
    // What the kernel counts is of all mappings, and says nothing of some of them.
    const bool is_whole = order.size() == e_.space.mappings.size();
    std::optional<Bytes> kernel_size, kernel_resident;
    if (is_whole) kernel_size = e_.moment.after.virtual_size;
    if (is_whole) kernel_resident = e_.moment.resident_after;
    Record record;
    record.fields = {
        {"size_bytes", size},
        {"vmsize_bytes", counter(kernel_size)},
        {"resident_bytes", seen(sum.resident)},
        {"vmrss_bytes", counter(kernel_resident)},
        {"proportional_bytes", e_.usage.empty() ? Cell{} : Cell{proportional}},
        {"private_dirty_bytes", e_.usage.empty() ? Cell{} : Cell{dirty}},
        {"anonymous_bytes", seen(sum.anonymous)},
        {"swapped_bytes", seen(sum.swapped)},
        {"guard_bytes", seen(sum.guard)},
        {"drift_bytes",
         is_whole && !is_core_ ? Cell{SignedBytes{e_.reconciliation.drift}} : Cell{}},
        {"cause",
         is_whole && !e_.reconciliation.cause.empty() ? Cell{e_.reconciliation.cause} : Cell{}}};
    if (is_core_) {
      record.lines = {fmt::format("  total: {} mapped, {} of it in the core file", humanised(size),
                                  humanised(sum.held))};
      return record;
    }
    record.lines = {
        fmt::format("  total: {} mapped, {} resident, {} proportional, {} dirty, {} swapped",
                    humanised(size), humanised(sum.resident), humanised(proportional),
                    humanised(dirty), humanised(sum.swapped))};
    if (is_whole) {
      record.lines.push_back(fmt::format(
          "VmSize {} ({}), VmRSS {} ({})", humanised(kernel_size.value_or(0_B)),
          kernel_size == size ? "equal" : "differs", humanised(kernel_resident.value_or(0_B)),
          kernel_resident == sum.resident ? "equal" : "differs"));
      for (std::string& why : differences(size, sum.resident)) {
        record.lines.push_back(std::move(why));
      }
    }
    return record;
  }

  /// Why the sums are not the kernel's, a line each; and by how much VmRSS moved meanwhile.
  std::vector<std::string> differences(Bytes size, Bytes resident) const {
    const Moment& m = e_.moment;
    const auto apart = [](Bytes a, Bytes b) { return humanised(a > b ? a - b : b - a); };
    std::vector<std::string> lines;
    if (m.after.virtual_size && *m.after.virtual_size != size) {
      const bool moved = m.before.virtual_size != m.after.virtual_size;
      lines.push_back(fmt::format(
          "VmSize differs by {}: {}", apart(size, *m.after.virtual_size),
          moved      ? "the target mapped and unmapped memory while it was read"
          : m.frozen ? "the cause is not known"
                     : "the target ran while it was read, and may have mapped or unmapped memory"));
    }
    if (m.resident_after && *m.resident_after != resident) {
      lines.push_back(fmt::format("VmRSS differs by {}: {}", apart(resident, *m.resident_after),
                                  e_.reconciliation.cause));
    }
    if (const std::int64_t drift = e_.reconciliation.drift; drift != 0) {
      lines.push_back(fmt::format(
          "drift: VmRSS {} by {} while it was read ({} tries)", drift > 0 ? "grew" : "shrank",
          humanised(Bytes{static_cast<std::uint64_t>(std::abs(drift))}), m.tries));
    }
    const bool is_told = e_.reconciliation.cause.find("--freeze") != std::string::npos;
    if (!lines.empty() && !m.frozen && !is_told) {
      lines.push_back("--freeze stops the target for the moment of reading");
    }
    return lines;
  }

  const Explanation& e_;
  const MapView& how_;
  std::vector<const MappingUsage*> usage_;
  bool is_core_;
};

}  // namespace

Document view(const Explanation& explanation, const MapView& how) {
  return MapBuilder(explanation, how).build();
}

}  // namespace strata
