// Page tables out of proportion: pages strewn so wide that their tables cost as much as they do.
// RSS does not count them; the OOM killer does.
#include <algorithm>

#include "inspect/ledger/findings/checks.h"
#include "inspect/ledger/findings/figures.h"

namespace strata {
namespace {

// Less than this is not worth a thought on any machine.
constexpr Bytes kLeastTables = 1_MiB;
constexpr Bytes kSpanOfTable = 2_MiB;  // what one page of entries maps

/// The most tables that the mapping's pages can need: one each, or its whole span. Tables that
/// emptied again are not in it.
Bytes most_tables(const MappingEntry& entry) {
  const Measure& m = entry.measure;
  const Bytes present = m.resident + m.swapped + m.zero + m.guard;
  const std::uint64_t pages = present / page_size();
  const std::uint64_t span = m.virtual_size / kSpanOfTable + 1;
  return page_size() * std::min(pages, span);
}

}  // namespace

std::optional<Finding> check_page_tables(const Explanation& e) {
  const Bytes tables = e.beside.page_tables.value_or(0_B);
  if (tables < kLeastTables || !is_worth_a_line(tables, e)) return std::nullopt;
  ByPurpose by_purpose(e), spans(e);
  for (const MappingEntry& entry : e.mappings) by_purpose.add(entry, most_tables(entry));
  const auto widest = by_purpose.widest(1);
  Finding finding;
  finding.bytes = tables;
  finding.text = fmt::format(
      "Page tables, outside RSS, for {} of memory: {:.1f} % of it, where packed pages need 0.2 %.",
      humanised(held(e)), percent(tables, held(e)));
  if (!widest.empty()) {
    Measure span;
    for (const MappingEntry& entry : e.mappings) {
      if (entry.purpose == widest[0].account) span.add(entry.measure);
    }
    finding.text +=
        fmt::format(" Up to {} of them serve {}: {} held, strewn over {}.",
                    humanised(std::min(widest[0].bytes, tables)),
                    account_name(e.ledger.chart(), widest[0].account),
                    humanised(span.resident + span.swapped), humanised(span.virtual_size));
  }
  finding.action =
      "Keep what is used close together: a dense array or a hash instead of a sparse one. munmap "
      "what is done with: MADV_DONTNEED keeps the tables.";
  finding.saves = fmt::format("At most {}.", humanised(tables));
  return finding;
}

}  // namespace strata
