#include "inspect/ledger/survey.h"

#include <algorithm>
#include <iterator>

#include "inspect/heap/heap_reader.h"
#include "inspect/space/claims.h"

namespace strata {

Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart) {
  Shelf shelf;
  return take_survey(memory, frozen, chart, shelf);
}

Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart, Shelf& shelf) {
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
  add(claim_mappings(survey.space, chart));
  add(claim_modules(survey.space, chart));
  add(claim_stacks(survey.space, chart));
  for (const HeapReader& reader : heap_readers()) {
    HeapSurvey heap = reader.survey({survey.space, memory, chart});
    add(std::move(heap.claims));
    std::move(heap.notes.begin(), heap.notes.end(), std::back_inserter(survey.notes));
    survey.memory_read += heap.bytes_read;
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
