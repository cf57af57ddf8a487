#include "inspect/heap/anonymous.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/printable.h"

namespace strata {
namespace {

void append(std::vector<Range>& runs, Range range) {
  if (!runs.empty() && runs.back().end == range.start) {
    runs.back().end = range.end;
  } else {
    runs.push_back(range);
  }
}

/// The first run that ends behind `address`.
std::vector<Range>::const_iterator first_behind(const std::vector<Range>& runs, Address address) {
  return std::upper_bound(runs.begin(), runs.end(), address,
                          [](Address a, const Range& run) { return a < run.end; });
}

std::optional<Range> run_around(const std::vector<Range>& runs, Address address) {
  const auto run = first_behind(runs, address);
  if (run == runs.end() || !run->contains(address)) return std::nullopt;
  return *run;
}

}  // namespace

bool is_private_anonymous(const Mapping& mapping) {
  if (mapping.shared) return false;
  // MAP_HUGETLB memory has an inode of the kernel's own.
  if (mapping.has_file()) return mapping.name.starts_with("/anon_hugepage");
  return mapping.name.empty() || mapping.name == "[heap]" || mapping.name.starts_with("[anon:");
}

AnonymousMemory::AnonymousMemory(const Space& space) {
  for (const Mapping& mapping : space.mappings) {
    if (!is_private_anonymous(mapping)) continue;
    append(any_, mapping.range);
    if (mapping.writable) append(writable_, mapping.range);
  }
}

std::optional<Range> AnonymousMemory::find_writable(Address address) const {
  return run_around(writable_, address);
}

std::optional<Range> AnonymousMemory::find_any(Address address) const {
  return run_around(any_, address);
}

bool AnonymousMemory::covers(Range range) const {
  const auto run = first_behind(any_, range.start);
  return run != any_.end() && !range.empty() && run->contains(range);
}

std::vector<Range> AnonymousMemory::parts(Range range) const {
  std::vector<Range> found;
  for (auto run = first_behind(any_, range.start); run != any_.end(); ++run) {
    if (run->start >= range.end) break;
    found.push_back(intersection(*run, range));
  }
  return found;
}

Bytes claim_anonymous(const AnonymousMemory& memory, HeapSurvey& survey, Range range,
                      AccountId account, EvidenceId evidence, Rank rank) {
  Bytes total;
  for (const Range& part : memory.parts(range)) {
    if (part.empty()) continue;
    survey.claims.push_back({part, account, evidence, rank});
    total += part.size();
  }
  return total;
}

std::string place_of(const Space& space, Address address) {
  const Module* const module = space.find_module(address);
  if (module == nullptr) return fmt::format("{:#x}", address.value);
  return fmt::format("{}+{:#x}", printable(module->name), (address - module->range.start).value);
}

std::string size_text(Bytes size) {
  if (size >= 1_MiB && size.value % (1_MiB).value == 0) {
    return fmt::format("{} MiB", size / 1_MiB);
  }
  if (size >= 1_KiB && size.value % (1_KiB).value == 0) {
    return fmt::format("{} KiB", size / 1_KiB);
  }
  return fmt::format("{} bytes", size.value);
}

}  // namespace strata
