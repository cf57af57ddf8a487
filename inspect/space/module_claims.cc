// Modules: segments, sections within them, and what pads both to whole pages.
#include <map>

#include "inspect/space/claims.h"

namespace strata {
namespace {

std::string segment_name(const Segment& segment) {
  const char* const kind = segment.executable ? "code" : segment.writable ? "data" : "read-only";
  return fmt::format("{} {}{}{}", kind, segment.readable ? 'r' : '-', segment.writable ? 'w' : '-',
                     segment.executable ? 'x' : '-');
}

/// Modules of one name are told apart by their path.
std::map<const Module*, std::string> account_names(const std::vector<Module>& modules) {
  std::map<std::string_view, int> seen;
  for (const Module& module : modules) ++seen[module.name];
  std::map<const Module*, std::string> names;
  for (const Module& module : modules) {
    names[&module] = seen[module.name] == 1 ? module.name : module.path;
  }
  return names;
}

}  // namespace

std::vector<Claim> claim_modules(const Space& space, Chart& chart) {
  const AccountId all = chart.open({"code and data"});
  const auto names = account_names(space.modules);
  const EvidenceId by_segment = chart.because("a segment of the ELF file's program headers");
  const EvidenceId by_section = chart.because("a section of the ELF file's section headers");
  std::vector<Claim> claims;
  for (const Module& module : space.modules) {
    const AccountId whole = chart.open(all, names.at(&module));
    const bool has_sections = !module.sections.empty();
    const EvidenceId by_whole =
        has_sections ? by_segment
                     : chart.because("a segment of the ELF file's program headers; " +
                                     module.sections_unknown);
    for (const Segment& segment : module.segments) {
      const AccountId account = chart.open(whole, segment_name(segment));
      // The rest of its last page belongs to nobody else: .bss ends in the middle of one.
      claims.push_back(
          {{round_down(segment.range.start, page_size()), round_up(segment.range.end, page_size())},
           chart.open(whole, "padding"),
           by_segment,
           Rank::kOwner});
      claims.push_back({segment.range,
                        chart.open(account, has_sections ? "headers and padding" : "whole segment"),
                        by_whole, Rank::kSegment});
      for (const Section& section : module.sections) {
        const Range part = intersection(section.range, segment.range);
        if (part.empty()) continue;
        claims.push_back({part, chart.open(account, section.name), by_section, Rank::kSection});
      }
    }
  }
  return claims;
}

}  // namespace strata
