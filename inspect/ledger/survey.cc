#include "inspect/ledger/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include "base/humanised.h"
#include "inspect/heap/heap_reader.h"
#include "inspect/space/claims.h"

namespace strata {
namespace {

// A static program keeps its thread-local storage by brk too, which is a page or two.
constexpr Bytes kWorthANote = 16_KiB;

/// Where a heap grows by brk and no reader knows it, damage is as likely as a new layout.
std::optional<std::string> tell_of_brk(const Space& space, const PresentMemory& memory,
                                       std::span<const Claim> by_readers) {
  const auto brk = std::find_if(space.mappings.begin(), space.mappings.end(),
                                [](const Mapping& m) { return m.is_labelled("[heap]"); });
  if (brk == space.mappings.end()) return std::nullopt;
  for (const Claim& claim : by_readers) {
    if (claim.range.overlaps(brk->range)) return std::nullopt;
  }
  const auto parts = memory.present(brk->range);
  Bytes present;
  for (const Range& part : parts ? *parts : std::vector<Range>{}) present += part.size();
  if (present < kWorthANote) return std::nullopt;
  return fmt::format(
      "of {} in [heap] nothing is told apart: no allocator's structures were recognised there. The "
      "program calls brk itself, or its malloc is not known, or the lists of its malloc are "
      "damaged",
      humanised(present));
}

}  // namespace

Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart) {
  Shelf shelf;
  return take_survey(memory, frozen, chart, shelf);
}

Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart, Shelf& shelf, HeapScene::Depth heaps) {
  Survey survey;
  auto space = read_space(memory, frozen, shelf);
  if (!space) return pass(space);
  survey.space = std::move(*space);
  survey.notes = survey.space.notes;
  const auto add = [&](std::vector<Claim> claims) {
    std::move(claims.begin(), claims.end(), std::back_inserter(survey.claims));
  };
  // Where mappings are many, most claims are theirs.
  survey.claims.reserve(survey.space.mappings.size() + survey.space.mappings.size() / 16 + 1024);
  add(claim_mappings(survey.space, memory.target().identity().kind, chart));
  add(claim_modules(survey.space, chart));
  add(claim_stacks(survey.space, chart));
  const std::size_t before_heaps = survey.claims.size();
  for (const HeapReader& reader : heap_readers()) {
    HeapSurvey heap = reader.survey({survey.space, memory, chart, heaps});
    add(std::move(heap.claims));
    std::move(heap.notes.begin(), heap.notes.end(), std::back_inserter(survey.notes));
    survey.memory_read += heap.bytes_read;
    if (heap.walk) survey.walks.push_back(std::move(heap.walk));
    if (heap.glibc) survey.glibc = std::move(heap.glibc);
    if (heap.strata_malloc) survey.strata_malloc = std::move(heap.strata_malloc);
  }
  const auto by_readers = std::span(survey.claims).subspan(before_heaps);
  if (auto told = tell_of_brk(survey.space, memory, by_readers)) {
    survey.notes.push_back(std::move(*told));
  }
  // Last, since it is about what nobody else explains.
  OwnerSurvey owners = claim_by_owner(survey.space, memory, survey.claims, chart);
  add(std::move(owners.claims));
  std::move(owners.notes.begin(), owners.notes.end(), std::back_inserter(survey.notes));
  survey.memory_read += owners.bytes_read;
  return survey;
}

void fill_shelf(const PresentMemory& memory, Shelf& shelf) {
  auto mappings = memory.target().read_mappings();
  if (!mappings) return;
  Space space;
  space.mappings = std::move(*mappings);
  space.modules = read_modules(memory, space.mappings, shelf);
  Chart chart;
  for (const HeapReader& reader : heap_readers()) {
    if (reader.files == HeapReader::Files::kReads) (void)reader.survey({space, memory, chart});
  }
}

}  // namespace strata
