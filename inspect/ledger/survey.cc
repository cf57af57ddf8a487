#include "inspect/ledger/survey.h"

#include <algorithm>
#include <iterator>

#include "inspect/heap/heap_reader.h"
#include "inspect/space/claims.h"

namespace strata {

Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart) {
  Survey survey;
  auto space = read_space(memory, frozen);
  if (!space) return pass(space);
  survey.space = std::move(*space);
  survey.notes = survey.space.notes;
  const auto add = [&](std::vector<Claim> claims) {
    std::move(claims.begin(), claims.end(), std::back_inserter(survey.claims));
  };
  add(claim_mappings(survey.space, chart));
  add(claim_modules(survey.space, chart));
  add(claim_stacks(survey.space, chart));
  add(claim_by_owner(survey.space, memory, chart));
  for (const HeapReader& reader : heap_readers()) {
    HeapSurvey heap = reader.survey({survey.space, memory, chart});
    add(std::move(heap.claims));
    std::move(heap.notes.begin(), heap.notes.end(), std::back_inserter(survey.notes));
    survey.memory_read += heap.bytes_read;
  }
  return survey;
}

}  // namespace strata
