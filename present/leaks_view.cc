#include "present/leaks_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/printable.h"
#include "present/notes_block.h"
#include "present/text.h"

namespace strata {
namespace {

constexpr std::size_t kRowsShown = 20;

/// "1 block", "2 blocks".
std::string blocks(std::uint64_t count) {
  return fmt::format("{} block{}", count, count == 1 ? "" : "s");
}

struct Group {
  Bytes each;
  const char* kind = "";
  std::string type;
  std::uint64_t count = 0;
  Bytes bytes;  ///< with what they hold
  Count indirect;
  Address first;
  std::string text;
};

class Leaks {
 public:
  Leaks(const LeakReport& report, const LeaksView& how) : r_(report), how_(how) {}

  Document build() {
    Document d;
    d.blocks.push_back({"", "", head(), ""});
    d.blocks.push_back({"target", "", target(), ""});
    std::string footnote;
    Table table = groups(footnote);
    const bool any = !table.rows.empty();
    d.blocks.push_back({"", any ? "Leaks" : "", std::move(table), any ? footnote : ""});
    d.blocks.push_back({"leaks", "", leaks(), ""});
    d.blocks.push_back({"totals", "", totals(), ""});
    std::vector<Record> path = why();
    const char* const heading = path.empty() ? "" : "How it is reached";
    d.blocks.push_back({"why", heading, std::move(path), ""});
    d.blocks.push_back(notes_block(r_.notes));
    return d;
  }

 private:
  bool is_core() const { return r_.identity.kind == TargetKind::kCore; }
  const char* word() const { return r_.frozen ? "leaked" : "may be leaked"; }

  Record head() const {
    Record record;
    record.fields = {{"schema", std::string("strata.leaks/1")}};
    const std::uint64_t all = r_.direct.blocks + r_.indirect.blocks;
    std::string line = fmt::format("{} ({}): ", printable(r_.identity.name), r_.identity.pid);
    if (all == 0) {
      line += fmt::format("nothing {}, of {} live in {}", word(), humanised(r_.live.bytes),
                          blocks(r_.live.blocks));
    } else {
      line += fmt::format("{} {}, {}, of {} live", blocks(all), word(),
                          humanised(r_.direct.bytes + r_.indirect.bytes), humanised(r_.live.bytes));
      if (r_.indirect.blocks > 0) {
        line += fmt::format(": {} by themselves, {} held by those alone", r_.direct.blocks,
                            r_.indirect.blocks);
      }
    }
    record.lines = {line};
    if (r_.from_within.blocks > 0) {
      record.lines.push_back(fmt::format("{} more, {}, reached by pointers past their start alone",
                                         blocks(r_.from_within.blocks),
                                         humanised(r_.from_within.bytes)));
    }
    if (how_.known > 0) {
      record.lines.push_back(fmt::format("{} of them {} in the baseline, and not listed",
                                         blocks(how_.known), how_.known == 1 ? "is" : "are"));
    }
    if (!r_.frozen) {
      record.lines.push_back(
          r_.let_go_early
              ? "It did NOT stand still to the end, so these are candidates"
              : "It ran on meanwhile, so these are candidates; without --no-freeze they are sure");
    } else if (r_.stood.count() > 0) {
      record.lines.push_back(
          fmt::format("it stood still for {:.1f} ms", static_cast<double>(r_.stood.count()) / 1e3));
    }
    return record;
  }

  Record target() const {
    return {{{"kind", std::string(is_core() ? "core" : "process")},
             {"pid", static_cast<std::uint64_t>(r_.identity.pid)},
             {"name", r_.identity.name},
             {"frozen", r_.frozen},
             {"stood_ms", Milliseconds{static_cast<double>(r_.stood.count()) / 1e3}}},
            {}};
  }

  Table groups(std::string& footnote) const {
    std::map<std::tuple<std::uint64_t, std::string, std::string>, Group> by_kind;
    for (const FoundLeak& leak : r_.leaks) {
      const char* const kind = name_of(leak.content.kind);
      Group& group = by_kind[{leak.usable.value, kind, leak.type}];
      if (group.count++ == 0) {
        group.each = leak.usable;
        group.kind = kind;
        group.type = leak.type;
        group.first = leak.address;
        group.text = leak.text;
      }
      group.bytes += leak.chunk + leak.indirect.bytes;
      group.indirect.blocks += leak.indirect.blocks;
    }
    std::vector<Group> sorted;
    for (auto& [key, group] : by_kind) sorted.push_back(std::move(group));
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const Group& a, const Group& b) { return a.bytes > b.bytes; });
    Table table;
    table.columns = {{"", "BYTES"},
                     {"", "BLOCKS"},
                     {"", "EACH", Column::kNeeded, "EACH is what it has room for"},
                     {"", "HOLD", Column::kNeeded, "HOLD is the blocks that they alone hold"},
                     {"", "FIRST"},
                     {"", "KIND"},
                     {"", "WHAT"}};
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      const Group& g = sorted[i];
      Table::Row row;
      row.cells = {g.bytes,
                   g.count,
                   g.each,
                   g.indirect.blocks,
                   g.first,
                   std::string(g.kind),
                   !g.type.empty()  ? Cell{g.type}
                   : g.text.empty() ? Cell{std::string()}
                                    : Cell{g.text}};
      row.shown = how_.rows == LeaksView::Rows::kAll || i < kRowsShown;
      table.rows.push_back(std::move(row));
    }
    footnote = "sorted by bytes, what they hold included";
    if (how_.rows == LeaksView::Rows::kWidest && sorted.size() > kRowsShown) {
      footnote +=
          fmt::format("; {} of {} groups, --all shows every one", kRowsShown, sorted.size());
    }
    if (r_.left_out > 0) footnote += fmt::format("; {} left out", blocks(r_.left_out));
    return table;
  }

  std::vector<Record> leaks() const {
    std::vector<Record> records;
    for (const FoundLeak& leak : r_.leaks) {
      records.push_back({{{"address", leak.address},
                          {"bytes", leak.chunk},
                          {"usable_bytes", leak.usable},
                          {"kind", std::string(name_of(leak.content.kind))},
                          {"type", leak.type.empty() ? Cell{} : Cell{leak.type}},
                          {"text", leak.text.empty() ? Cell{} : Cell{leak.text}},
                          {"cycle", leak.is_cycle},
                          {"indirect_chunks", leak.indirect.blocks},
                          {"indirect_bytes", leak.indirect.bytes}},
                         {}});
    }
    return records;
  }

  Record totals() const {
    return {{{"live_chunks", r_.live.blocks},
             {"live_bytes", r_.live.bytes},
             {"direct_chunks", r_.direct.blocks},
             {"direct_bytes", r_.direct.bytes},
             {"indirect_chunks", r_.indirect.blocks},
             {"indirect_bytes", r_.indirect.bytes},
             {"interior_only_chunks", r_.from_within.blocks},
             {"interior_only_bytes", r_.from_within.bytes},
             {"left_out_chunks", r_.left_out},
             {"known_chunks", how_.known}},
            {}};
  }

  std::vector<Record> why() const {
    std::vector<Record> records;
    for (const Step& step : r_.why) {
      Record record;
      record.fields = {{"at", step.at.value == 0 ? Cell{} : Cell{step.at}},
                       {"what", step.what.empty() ? Cell{} : Cell{step.what}},
                       {"block", step.block},
                       {"usable_bytes", step.usable}};
      const std::string from =
          step.what.empty()    ? fmt::format("the block at {:#x}", step.at.value)
          : step.at.value == 0 ? printable(step.what)
                               : fmt::format("{:#x}, in {},", step.at.value, printable(step.what));
      record.lines = {fmt::format("{} leads to the block at {:#x}, of {} bytes", from,
                                  step.block.value, step.usable.value)};
      records.push_back(std::move(record));
    }
    return records;
  }

  const LeakReport& r_;
  const LeaksView& how_;
};

}  // namespace

const char* name_of(ContentKind kind) {
  switch (kind) {
    case ContentKind::kUnseen:
      return "unseen";
    case ContentKind::kZeros:
      return "zeros";
    case ContentKind::kObject:
      return "object";
    case ContentKind::kPointers:
      return "pointers";
    case ContentKind::kText:
      return "text";
    default:
      return "bytes";
  }
}

Document view(const LeakReport& report, const LeaksView& how) { return Leaks(report, how).build(); }

}  // namespace strata
