#include "inspect/ledger/place.h"

#include <algorithm>

#include "inspect/ledger/survey.h"
#include "inspect/ledger/sweep.h"
#include "inspect/page/page_scanner.h"
#include "inspect/page/present_memory.h"
#include "inspect/page/smaps.h"

namespace strata {
namespace {

constexpr std::size_t kContentShown = 64;

Failure no_mapping(const Space& space, Address address) {
  Error error{Cause::kNotFound, fmt::format("nothing is mapped at {:#x}", address.value), {}, ""};
  const auto above = std::find_if(space.mappings.begin(), space.mappings.end(),
                                  [&](const Mapping& m) { return m.range.start > address; });
  if (above != space.mappings.begin()) {
    error.context.push_back(fmt::format("the mapping below ends at {:#x}, {:#x} bytes before",
                                        above[-1].range.end.value,
                                        (address - above[-1].range.end).value));
  }
  if (above != space.mappings.end()) {
    error.context.push_back(fmt::format("the mapping above starts at {:#x}, {:#x} bytes further up",
                                        above->range.start.value,
                                        (above->range.start - address).value));
  }
  error.help = "`strata map` lists what is mapped";
  return Failure(std::move(error));
}

void add_layers(const Chart& chart, const std::vector<Claim>& claims, Place& place) {
  std::vector<Claim> over;
  for (const Claim& claim : claims) {
    if (claim.range.contains(place.address)) over.push_back(claim);
  }
  std::stable_sort(over.begin(), over.end(),
                   [](const Claim& a, const Claim& b) { return outranks(b, a); });
  for (const Claim& claim : over) {
    place.layers.push_back(
        {chart.path(claim.account), claim.range, chart.sentence(claim.evidence)});
  }
}

/// What is mapped by frame number (a perf ring) shows no pages though it has some.
void hide_if_by_frame(const Target& target, Place& place) {
  // No other mapping is: a file's, and the kernel's own [vvar].
  const bool may_be = place.mapping.has_file() || place.mapping.name.starts_with("[v");
  if (place.frame->flags.bits != 0 || !may_be) return;
  auto usage = read_smaps(target);
  if (!usage) return;
  for (const MappingUsage& u : *usage) {
    if (u.range != place.mapping.range || !u.traits.frames) continue;
    place.frame->flags.set(PageFlag::kUnknown);
    place.frame->entry_span.reset();
    place.frame->hidden.push_back(
        "its pages: mapped by frame number (VM_PFNMAP), they are in no page table that the kernel "
        "shows and in no counter");
  }
}

}  // namespace

Result<Place> find_place(const Target& target, const Means& means, Address address,
                         const PlaceOptions& options) {
  const bool is_core = target.identity().kind == TargetKind::kCore;
  std::optional<PageScanner> scanner;
  if (!is_core) {
    auto opened = PageScanner::open(target, means);
    if (!opened) return pass(opened);
    scanner.emplace(std::move(*opened));
  }
  const PresentMemory memory(target, scanner ? &*scanner : nullptr);
  Chart chart;
  auto survey = take_survey(memory, {}, chart);
  if (!survey) return pass(survey);
  const Space& space = survey->space;
  const Mapping* const mapping = space.find_mapping(address);
  if (mapping == nullptr) return no_mapping(space, address);

  Place place;
  place.identity = target.identity();
  place.address = address;
  place.mapping = *mapping;
  place.notes = survey->notes;
  add_layers(chart, survey->claims, place);
  if (const Module* const module = space.find_module(address)) {
    place.module = *module;
    for (const Section& section : module->sections) {
      if (section.range.contains(address)) place.section = section;
    }
    auto symbol = find_symbol_at(memory, *module, address);
    if (symbol) {
      place.symbol = std::move(*symbol);
    } else {
      place.notes.push_back(fmt::format("its symbol: {}", symbol.error().message));
    }
  }
  if (const Stack* const stack = space.find_stack(address)) place.stack = *stack;
  if (!is_core) {
    auto frame = read_frame(target, means, address);
    if (!frame) return pass(frame);
    place.frame = *frame;
    hide_if_by_frame(target, place);
    if (place.frame->entry_span) {
      place.walk = walk_of(address, page_table_levels(), *place.frame->entry_span);
    }
  }
  if (options.content == PlaceOptions::Content::kShow) {
    // Only what is resident: showing a page must not make it so.
    const Range wanted{address, std::min(address + Bytes{kContentShown}, mapping->range.end)};
    const auto parts = memory.present(wanted);
    if (parts && !parts->empty() && parts->front().start == address) {
      place.content.resize(parts->front().size().value);
      auto got = target.read_memory(address, place.content);
      place.content.resize(got ? got->value : 0);
    }
    if (place.content.empty()) place.notes.push_back("its bytes are not resident, and not read");
  }
  return place;
}

}  // namespace strata
