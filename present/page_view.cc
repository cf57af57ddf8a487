#include "present/page_view.h"

#include <fmt/format.h>

#include "base/printable.h"
#include "present/notes_block.h"
#include "present/text.h"

namespace strata {
namespace {

/// A label and what it is, lined up.
std::string labelled(std::string_view label, std::string_view text) {
  return fmt::format("  {:<11}{}", label, text);
}

Record labelled_record() {
  Record record;
  record.form = Record::Form::kLevel;
  record.hang = 13;  // below what it is
  return record;
}

std::string range_text(Range range) {
  return fmt::format("{:#x}-{:#x} ({})", range.start.value, range.end.value,
                     humanised(range.size()));
}

std::string symbol_text(const SymbolAt& at, Address address) {
  const std::string name = printable(at.symbol.name);
  const Range range = at.symbol.range;
  switch (at.relation) {
    case SymbolAt::Relation::kCovers:
      return fmt::format("{} + {}", name, (address - range.start).value);
    case SymbolAt::Relation::kLabel:
      return fmt::format("{} + {}, a label: it has no size, and no symbol follows up to here", name,
                         (address - range.start).value);
    default:
      return fmt::format("none; it lies after {}, which ends {} bytes before", name,
                         (address - range.end).value);
  }
}

/// Only what holds the address is its symbol.
void add_symbol_fields(const Place& p, std::vector<Field>& fields) {
  Cell name, offset, size, before, before_end;
  if (p.symbol && p.symbol->relation == SymbolAt::Relation::kEndsBefore) {
    before = p.symbol->symbol.name;
    before_end = p.symbol->symbol.range.end;
  } else if (p.symbol) {
    name = p.symbol->symbol.name;
    offset = (p.address - p.symbol->symbol.range.start).value;
    size = p.symbol->symbol.range.size();
  }
  fields.insert(fields.end(), {{"symbol", std::move(name)},
                               {"symbol_offset", std::move(offset)},
                               {"symbol_size_bytes", std::move(size)},
                               {"symbol_before", std::move(before)},
                               {"symbol_before_end", std::move(before_end)}});
}

Record space_record(const Place& p) {
  const Mapping& m = p.mapping;
  Record record = labelled_record();
  record.fields = {{"start", m.range.start},
                   {"end", m.range.end},
                   {"protection", protection(m)},
                   {"name", m.name.empty() ? Cell{} : Cell{m.name}},
                   {"module", p.module ? Cell{p.module->name} : Cell{}},
                   {"section", p.section ? Cell{p.section->name} : Cell{}}};
  add_symbol_fields(p, record.fields);
  record.fields.push_back(
      {"thread", p.stack ? Cell{static_cast<std::uint64_t>(p.stack->tid)} : Cell{}});
  auto& lines = record.lines;
  lines.push_back(labelled(
      "mapping", fmt::format("{} {} {}", range_text(m.range), protection(m), printable(m.name))));
  if (p.module) {
    std::string text = fmt::format("{} + {:#x}", printable(p.module->name),
                                   p.address.value - p.module->load_bias.value);
    if (p.section) text += fmt::format(", section {}", printable(p.section->name));
    lines.push_back(labelled("module", text));
    if (p.symbol) lines.push_back(labelled("symbol", symbol_text(*p.symbol, p.address)));
  }
  if (p.stack) {
    std::string text =
        fmt::format("of thread {} ({})", p.stack->tid, printable(p.stack->thread_name));
    if (p.stack->stack_pointer) {
      const bool used = p.address >= *p.stack->stack_pointer;
      text += fmt::format(", {} bytes {} the stack pointer",
                          used ? (p.address - *p.stack->stack_pointer).value
                               : (*p.stack->stack_pointer - p.address).value,
                          used ? "above" : "below");
    }
    lines.push_back(labelled("stack", text));
  }
  return record;
}

std::vector<Record> layer_records(const Place& p) {
  std::vector<Record> records;
  for (const Place::Layer& layer : p.layers) {
    Record record;
    record.fields = {{"account", layer.account},
                     {"start", layer.range.start},
                     {"end", layer.range.end},
                     {"evidence", layer.evidence.empty() ? Cell{} : Cell{layer.evidence}}};
    record.lines = {joined(layer.account)};
    if (!layer.evidence.empty()) {
      record.lines[0] += fmt::format(" - {}", printable(layer.evidence));
    }
    records.push_back(std::move(record));
  }
  return records;
}

std::string state_text(const Frame& frame) {
  const PageFlags f = frame.flags;
  if (f.has(PageFlag::kUnknown)) return "not known: the kernel shows no page table entry of it";
  if (f.has(PageFlag::kGuard)) return "a guard (MADV_GUARD_INSTALL): touching it kills";
  if (f.has(PageFlag::kSwapped)) return "swapped out";
  if (!f.has(PageFlag::kPresent)) return "not there: never touched, or given back";
  if (f.has(PageFlag::kZero)) return "the shared zero page: read, never written, in no counter";
  std::string text =
      f.has(PageFlag::kFile) ? "present, of a file or shared memory" : "present, anonymous";
  if (f.has(PageFlag::kHuge)) {
    text += fmt::format(", in a huge page of {}", humanised(frame.entry_span.value_or(2_MiB)));
  }
  if (f.has(PageFlag::kHugetlb)) text += " from the hugetlb pool, outside VmRSS";
  text += f.has(PageFlag::kExclusive) ? ", mapped by this process alone" : ", shared";
  return text;
}

Record page_record(const Place& p) {
  Record record = labelled_record();
  if (!p.frame) {
    record.lines = {labelled("page", "a core file holds no page tables: nothing is known of it")};
    return record;
  }
  const Frame& f = *p.frame;
  std::string walk, names;
  if (p.walk) {
    for (const TableWalk::Level& level : p.walk->levels) {
      walk += fmt::format("{} {} > ", level.name, level.index);
    }
    walk += fmt::format("offset {:#x}", p.walk->offset);
  }
  for (const std::string& name : f.kernel_flags) names += (names.empty() ? "" : " ") + name;
  record.fields = {
      {"present", f.flags.has(PageFlag::kPresent)},
      {"swapped", f.flags.has(PageFlag::kSwapped)},
      {"file", f.flags.has(PageFlag::kFile)},
      {"zero", f.flags.has(PageFlag::kZero)},
      {"huge", f.flags.has(PageFlag::kHuge)},
      {"guard", f.flags.has(PageFlag::kGuard)},
      {"exclusive", f.flags.has(PageFlag::kExclusive)},
      {"hugetlb", f.flags.has(PageFlag::kHugetlb)},
      {"walk", p.walk ? Cell{walk} : Cell{}},
      {"entry_bytes", f.entry_span ? Cell{*f.entry_span} : Cell{}},
      {"frame", f.number ? Cell{Address{*f.number}} : Cell{}},
      {"frame_flags", f.number ? Cell{Path(f.kernel_flags)} : Cell{}},
      {"map_count", f.map_count ? Cell{*f.map_count} : Cell{}},
      {"numa_node", f.numa_node ? Cell{static_cast<std::uint64_t>(*f.numa_node)} : Cell{}}};
  auto& lines = record.lines;
  lines.push_back(labelled("page", state_text(f)));
  if (p.walk) lines.push_back(labelled("walk", walk));
  if (f.number) lines.push_back(labelled("frame", fmt::format("{:#x}  {}", *f.number, names)));
  if (f.map_count) {
    lines.push_back(labelled("mapped by", fmt::format("{} page table entr{}", *f.map_count,
                                                      *f.map_count == 1 ? "y" : "ies")));
  }
  if (f.numa_node) lines.push_back(labelled("NUMA node", std::to_string(*f.numa_node)));
  for (const std::string& why : f.hidden) lines.push_back(labelled("hidden", why));
  return record;
}

Record content_record(const Place& p) {
  Record record;
  record.form = Record::Form::kLevel;
  std::string hex;
  for (std::size_t i = 0; i < p.content.size(); i += 16) {
    std::string digits, text;
    for (std::size_t j = i; j < std::min(i + 16, p.content.size()); ++j) {
      const auto byte = static_cast<unsigned char>(p.content[j]);
      digits += fmt::format("{:02x} ", byte);
      text += byte >= 0x20 && byte < 0x7F ? static_cast<char>(byte) : '.';
    }
    hex += digits;
    record.lines.push_back(fmt::format("  {:012x}  {:<48}{}", p.address.value + i, digits, text));
  }
  if (!hex.empty()) hex.pop_back();
  record.fields = {{"hex", hex}};
  return record;
}

}  // namespace

Document view(const Place& p) {
  Record head;
  head.fields = {{"schema", std::string("strata.page/1")}, {"address", p.address}};
  head.lines = {
      fmt::format("{:#x} in {} ({})", p.address.value, printable(p.identity.name), p.identity.pid)};
  Document d;
  d.blocks.push_back({"", "", std::move(head), ""});
  d.blocks.push_back({"space", "Address space", space_record(p), ""});
  d.blocks.push_back({"layers", "Who claims it", layer_records(p),
                      "the weakest claim first; the last one has the bytes"});
  d.blocks.push_back({"page", "Page", page_record(p), ""});
  if (!p.content.empty()) d.blocks.push_back({"content", "Content", content_record(p), ""});
  d.blocks.push_back(notes_block(p.notes));
  return d;
}

}  // namespace strata
