#include "present/explain_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "base/printable.h"
#include "inspect/ledger/losses.h"
#include "present/account_tree.h"
#include "present/notes_block.h"
#include "present/text.h"

namespace strata {
namespace {

bool is_core(const Explanation& e) { return e.identity.kind == TargetKind::kCore; }

double milliseconds(Duration d) { return static_cast<double>(d.count()) / 1000; }

Record identity(const Explanation& e) {
  const Identity& i = e.identity;
  const Measure sum = e.ledger.sum();
  std::string line = fmt::format("{} ({})", printable(i.name), i.pid);
  if (is_core(e)) {
    line += fmt::format(": a core file that holds {} of {} mapped, {} thread{}",
                        humanised(sum.held), humanised(sum.virtual_size), e.space.threads.size(),
                        e.space.threads.size() == 1 ? "" : "s");
  } else {
    line += fmt::format(": {} resident of {} mapped, {} thread{}", humanised(sum.resident),
                        humanised(sum.virtual_size), e.space.threads.size(),
                        e.space.threads.size() == 1 ? "" : "s");
  }
  if (e.moment.let_go_early) {
    line += ". It did NOT stand still: " + e.moment.let_go_because;
  }
  if (e.moment.frozen) {
    line += fmt::format(", stood still for {:.1f} ms", milliseconds(e.moment.stood));
  }
  if (e.moment.tries > 1) {
    line += fmt::format(", scanned {} times, as it changed meanwhile", e.moment.tries);
  }
  return {{}, {line}};
}

Record target(const Explanation& e) {
  const Identity& i = e.identity;
  return {{{"kind", std::string(is_core(e) ? "core" : "process")},
           {"pid", static_cast<std::uint64_t>(i.pid)},
           {"name", i.name},
           {"command_line", i.command_line},
           {"executable", i.executable},
           {"origin", i.origin},
           {"threads", std::uint64_t{e.space.threads.size()}},
           {"mappings", std::uint64_t{e.space.mappings.size()}},
           {"frozen", e.moment.frozen},
           {"stood_ms", Milliseconds{milliseconds(e.moment.stood)}},
           {"tries", static_cast<std::uint64_t>(e.moment.tries)}},
          {}};
}

/// By account it is complete where it adds up to what smaps says of the mappings.
bool knows_lazily_freed(const Explanation& e) {
  Bytes by_smaps;
  for (const MappingUsage& u : e.usage) by_smaps += u.lazily_freed;
  return !e.usage.empty() && by_smaps == e.ledger.sum().lazily_freed;
}

std::string beside_line(const Explanation& e) {
  const Measure sum = e.ledger.sum();
  std::string line = "beside it, not in the sum: ";
  bool first = true;
  const auto add = [&](Bytes bytes, const char* what) {
    if (bytes == 0_B) return;
    line += fmt::format("{}{} {}", first ? "" : " · ", humanised(bytes), what);
    first = false;
  };
  add(sum.swapped, "swapped");
  add(sum.untouched(), is_core(e) ? "not in the file" : "reserved and never touched");
  add(sum.zero, "read but never written");
  add(e.beside.guard + sum.guard, "guard");
  add(e.beside.page_tables.value_or(0_B), "page tables");
  add(e.beside.kernel_stacks, "kernel stacks");
  add(sum.hugetlb, "hugetlb");
  add(sum.uncounted, "device pages in no counter");
  add(e.beside.unmapped_memfds, "memfds held and not mapped");
  add(sum.unknown, "unknown");
  return first ? "" : line;
}

Record beside(const Explanation& e) {
  const Measure sum = e.ledger.sum();
  // A core holds no page tables and no counters, so 0 would be a guess.
  const auto seen = [&](Bytes bytes) { return is_core(e) ? Cell{} : Cell{bytes}; };
  Record record;
  record.fields = {
      {"swapped_bytes", seen(sum.swapped)},
      {"untouched_bytes", sum.untouched()},
      {"zero_bytes", seen(sum.zero)},
      {"guard_bytes", seen(e.beside.guard + sum.guard)},
      {"page_tables_bytes", e.beside.page_tables ? Cell{*e.beside.page_tables} : Cell{}},
      {"kernel_stacks_bytes", seen(e.beside.kernel_stacks)},
      {"hugetlb_bytes", seen(sum.hugetlb)},
      {"uncounted_bytes", seen(sum.uncounted)},
      {"unmapped_memfd_bytes", seen(e.beside.unmapped_memfds)},
      {"unknown_bytes", seen(sum.unknown)}};
  if (const std::string line = beside_line(e); !line.empty()) record.lines.push_back("  " + line);
  return record;
}

Record reconciliation(const Explanation& e) {
  const Reconciliation& r = e.reconciliation;
  Record record;
  record.fields = {{"accounts_sum_bytes", r.sum},
                   {"vmrss_bytes", r.resident ? Cell{*r.resident} : Cell{}},
                   {"remainder_bytes", r.resident ? Cell{SignedBytes{r.remainder}} : Cell{}},
                   {"drift_bytes", r.resident ? Cell{SignedBytes{r.drift}} : Cell{}},
                   {"cause", r.cause.empty() ? Cell{} : Cell{r.cause}}};
  if (!r.resident) {
    record.lines.push_back("  no residency in a core: nothing to hold the sum against");
  } else if (r.remainder == 0) {
    record.lines.push_back(fmt::format("  the accounts' sum {} equals VmRSS, to the byte ({})",
                                       humanised(r.sum), r.sum.value));
  } else {
    record.lines.push_back(
        fmt::format("  the accounts' sum {} is {} {} than VmRSS: {}", humanised(r.sum),
                    humanised(Bytes{static_cast<std::uint64_t>(std::abs(r.remainder))}),
                    r.remainder > 0 ? "more" : "less", r.cause));
  }
  if (r.drift != 0) {
    record.lines.push_back(fmt::format(
        "drift: VmRSS {} by {} while it was read ({} tries)", r.drift > 0 ? "grew" : "shrank",
        humanised(Bytes{static_cast<std::uint64_t>(std::abs(r.drift))}), e.moment.tries));
  }
  return record;
}

/// Whether every witness that was read says the same, or need not.
bool all_agree(const Explanation& e) {
  return std::all_of(e.witnesses.begin(), e.witnesses.end(), [&](const Witness& w) {
    return !w.value || !w.exact || *w.value == e.reconciliation.sum;
  });
}

/// "VmRSS before and after, … say the same", and why the others do not.
Record agreement(const Explanation& e) {
  std::string same, others;
  for (const Witness& w : e.witnesses) {
    if (w.value && *w.value == e.reconciliation.sum) {
      same += (same.empty() ? "" : ", ") + w.name;
    } else if (w.value) {
      const std::int64_t less = difference(e.reconciliation.sum, *w.value);
      others += fmt::format("; {} says {} {}, {}", w.name,
                            humanised(Bytes{static_cast<std::uint64_t>(std::abs(less))}),
                            less > 0 ? "less" : "more", w.why);
    } else {
      others += fmt::format("; {} was not read: {}", w.name, w.why);
    }
  }
  if (same.empty()) return {};
  return {{}, {"  so say " + same + others}};
}

Table witnesses(const Explanation& e, ExplainView::Rows rows) {
  Table table;
  table.columns = {{"name", "WITNESS"},
                   {"value_bytes", "VALUE"},
                   {"exact", "EXACT"},
                   {"difference_bytes", "DIFFERENCE"},
                   {"why", "WHY"}};
  const bool shown = rows == ExplainView::Rows::kAll || !all_agree(e);
  for (const Witness& w : e.witnesses) {
    Table::Row row;
    row.cells = {w.name, w.value ? Cell{*w.value} : Cell{}, w.exact,
                 w.value ? Cell{SignedBytes{difference(e.reconciliation.sum, *w.value)}} : Cell{},
                 w.why.empty() ? Cell{std::string()} : Cell{w.why}};
    row.shown = shown;
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::vector<Record> findings(const std::vector<Finding>& list) {
  std::vector<Record> records;
  for (const Finding& f : list) {
    Record record;
    record.fields = {
        {"id", f.id}, {"bytes", f.bytes}, {"text", f.text}, {"do", f.action}, {"saves", f.saves}};
    record.lines = {fmt::format("{}  {}", humanised(f.bytes), f.text), "do: " + f.action};
    if (!f.saves.empty()) record.lines.push_back("saves: " + f.saves);
    record.lines.push_back(fmt::format("more: strata help {}", f.id));
    records.push_back(std::move(record));
  }
  return records;
}

Block unexplained(const Explanation& e) {
  Table table;
  table.columns = {{"start", "START"},
                   {"end", "END"},
                   {"resident_bytes", "RESIDENT"},
                   {"virtual_bytes", "VIRTUAL"}};
  std::vector<Unexplained> ranges = e.ledger.unexplained();
  constexpr std::size_t kMostShown = 8;
  constexpr std::size_t kMostListed = 1000;  // a checkerboard has tens of thousands
  const std::size_t all = ranges.size();
  const std::size_t listed = std::min(all, kMostListed);
  std::partial_sort(ranges.begin(), ranges.begin() + listed, ranges.end(),
                    [](const Unexplained& a, const Unexplained& b) {
                      return a.resident != b.resident ? a.resident > b.resident
                                                      : a.range.start < b.range.start;
                    });
  ranges.resize(listed);
  for (const Unexplained& u : ranges) {
    Table::Row row;
    row.cells = {u.range.start, u.range.end, u.resident, u.range.size()};
    row.shown = table.rows.size() < kMostShown && u.resident > 0_B;
    table.rows.push_back(std::move(row));
  }
  std::string footnote = "sorted by resident bytes";
  if (all > kMostShown) {
    footnote += fmt::format("; the {} largest of {}, --json has {}", kMostShown, all, listed);
  }
  return {"unexplained", "Unexplained", std::move(table), std::move(footnote)};
}

std::vector<std::string> notes(const Explanation& e) {
  std::vector<std::string> all = e.notes;
  for (std::string& loss : name_losses(e)) all.push_back(std::move(loss));
  return all;
}

}  // namespace

Document view(const Explanation& e, const std::vector<Finding>& found, const ExplainView& how) {
  const bool core = is_core(e);
  AccountTree tree;
  tree.by = core ? AccountTree::By::kHeld : AccountTree::By::kResident;
  tree.rows =
      how.rows == ExplainView::Rows::kAll ? AccountTree::Rows::kAll : AccountTree::Rows::kWidest;
  tree.lazily_freed =
      knows_lazily_freed(e) ? AccountTree::LazilyFreed::kTold : AccountTree::LazilyFreed::kHidden;
  Record head = identity(e);
  head.fields = {{"schema", std::string("strata.explain/1")}};
  Record resident;
  resident.fields = {{"resident_bytes", core ? Cell{} : Cell{e.ledger.sum().resident}}};

  Document d;
  d.blocks.push_back({"", "", std::move(head), ""});
  d.blocks.push_back({"target", "", target(e), ""});
  d.blocks.push_back({"", "", std::move(resident), ""});
  Table accounts = account_tree(e.ledger, tree);
  std::string footnote = account_footnote(accounts);
  d.blocks.push_back({"accounts", "Where it is", std::move(accounts), std::move(footnote)});
  d.blocks.push_back({"beside", "", beside(e), ""});
  d.blocks.push_back(unexplained(e));
  d.blocks.push_back({"reconciliation", "Held against the kernel", reconciliation(e), ""});
  if (all_agree(e)) d.blocks.push_back({"", "", agreement(e), ""});
  d.blocks.push_back({"witnesses", "", witnesses(e, how.rows), ""});
  d.blocks.push_back({"findings", "Findings", findings(found), ""});
  d.blocks.push_back(notes_block(notes(e)));
  return d;
}

}  // namespace strata
