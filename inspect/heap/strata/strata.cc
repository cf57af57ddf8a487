#include <algorithm>
#include <memory>
#include <utility>

#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/strata/walk.h"

namespace strata {
namespace {

using strata_malloc::read_frontier;
using strata_malloc::Table;
using strata_malloc::Zone;

// As much as is read of a target for glibc: a static executable's data can be large.
constexpr Bytes kReadLimit = 96_MiB;

class Booking {
 public:
  Booking(const HeapScene& scene, const AnonymousMemory& memory, const Table& table,
          HeapSurvey& survey)
      : chart_(scene.chart),
        memory_of_(scene.memory),
        memory_(memory),
        table_(table),
        survey_(survey),
        strata_(chart_.open({"heap", "strata"})),
        evidence_(chart_.because(table.evidence)) {}

  void book() {
    claim(table_.all, chart_.open(strata_, "never used"), Rank::kRuntimeRegion);
    const AccountId metadata = chart_.open(strata_, "metadata");
    std::vector<Range> parts;
    const auto put = [&](Range range, const char* name) {
      claim(range, chart_.open(metadata, name), Rank::kHeap);
      parts.push_back(range);
    };
    for (const Zone& zone : table_.zones) {
      const std::uint64_t used = read_frontier(memory_of_, zone.frontier, zone.units());
      claim({zone.blocks.start, zone.address_of(used)},
            chart_.open(strata_, zone.is_small ? "small blocks" : "medium blocks"), Rank::kHeap);
      put(table_.states_of(zone), "states");
      put(table_.spans_of(zone), "spans");
      parts.push_back(zone.blocks);
    }
    const std::uint64_t used = read_frontier(memory_of_, table_.runs.frontier, table_.runs.count());
    // Page 0 never is used.
    if (used > 0) {
      claim({table_.runs.address_of(1), table_.runs.address_of(used)},
            chart_.open(strata_, "runs of pages"), Rank::kHeap);
    }
    put(table_.entries(), "entries of pages");
    put(table_.dirty_bits(), "dirty pages");
    put(table_.metadata, "arenas and cache slots");
    parts.push_back(table_.runs.pages);
    // The table does not name them: which units are free.
    std::sort(parts.begin(), parts.end());
    Address end = table_.all.start;
    for (const Range& part : parts) {
      claim({end, part.start}, chart_.open(metadata, "free units' numbers"), Rank::kHeap);
      end = part.end;
    }
    claim({end, table_.all.end}, chart_.open(metadata, "free units' numbers"), Rank::kHeap);
  }

 private:
  void claim(Range range, AccountId account, Rank rank) {
    if (!range.empty()) claim_anonymous(memory_, survey_, range, account, evidence_, rank);
  }

  Chart& chart_;
  const PresentMemory& memory_of_;
  const AnonymousMemory& memory_;
  const Table& table_;
  HeapSurvey& survey_;
  AccountId strata_;
  EvidenceId evidence_;
};

}  // namespace

HeapSurvey survey_strata_malloc(const HeapScene& scene) {
  HeapSurvey survey;
  const AnonymousMemory memory(scene.space);
  Peek peek(scene, kReadLimit);
  auto table = strata_malloc::find_table(peek, scene.space, survey.notes);
  survey.bytes_read = peek.bytes_read();
  if (!table) return survey;
  Booking(scene, memory, *table, survey).book();
  auto contents = std::make_shared<strata_malloc::Contents>(std::move(*table));
  survey.walk = std::make_unique<strata_malloc::Walk>(scene, contents);
  survey.strata_malloc = std::move(contents);
  return survey;
}

}  // namespace strata
