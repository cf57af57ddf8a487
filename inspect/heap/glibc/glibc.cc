#include <memory>
#include <utility>

#include "inspect/heap/glibc/blocks.h"
#include "inspect/heap/glibc/heap.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"

namespace strata {
namespace {

// A static executable keeps the allocator in its own data, which can be large; the C library's is
// some 70 KiB. Lists are as long as the program made them.
constexpr Bytes kReadLimit = 96_MiB;

void claim_mmapped(const HeapScene& scene, const AnonymousMemory& memory,
                   const glibc::MmappedChunks& mmapped, HeapSurvey& survey) {
  if (mmapped.chunks.empty()) return;
  const AccountId account = scene.chart.open({"heap", "glibc", "mmapped chunks"});
  const EvidenceId evidence = scene.chart.because(mmapped.evidence);
  JoinedClaims claims(scene.chart);
  for (const Range& chunk : mmapped.chunks) {
    for (const Range& part : memory.parts(chunk)) claims.push(part, account, evidence);
  }
  claims.move_into(survey, "glibc's mmapped chunks");
}

}  // namespace

HeapSurvey survey_glibc(const HeapScene& scene) {
  HeapSurvey survey;
  const AnonymousMemory memory(scene.space);
  Peek peek(scene, kReadLimit);
  auto heap = glibc::read_heap(peek, scene, memory, &survey.notes);
  survey.bytes_read = heap ? heap->bytes_read : peek.bytes_read();
  if (!heap) return survey;
  for (const glibc::Arena& arena : heap->arenas) {
    const AccountId account = scene.chart.open({"heap", "glibc", arena.name});
    for (const glibc::Region& region : arena.regions) {
      claim_anonymous(memory, survey, region.range, account, scene.chart.because(region.evidence));
    }
  }
  claim_mmapped(scene, memory, heap->mmapped, survey);
  survey.notes = std::move(heap->notes);
  if (peek.exhausted()) {
    survey.notes.push_back(
        "glibc's structures were larger than what is read of a target for them; some of its "
        "regions, or of what is free in its lists, may be missing");
  }
  auto contents = std::make_shared<glibc::Contents>(std::move(*heap));
  survey.walk = std::make_unique<glibc::Blocks>(scene, contents);
  survey.glibc = std::move(contents);
  return survey;
}

}  // namespace strata
