#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "inspect/heap/glibc/arenas.h"
#include "inspect/heap/glibc/layout.h"
#include "inspect/heap/glibc/mmapped.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"

namespace strata {
namespace {

// A static executable keeps the allocator in its own data, which can be large; the C library's is
// some 70 KiB.
constexpr Bytes kReadLimit = 96_MiB;

class Glibc {
 public:
  explicit Glibc(const HeapScene& scene)
      : scene_(scene), peek_(scene, kReadLimit), memory_(scene.space) {}

  HeapSurvey survey() {
    for (const Module& module : scene_.space.modules) {
      const auto statics = read_static_words(peek_, module);
      const auto arenas = glibc::find_main_arenas(peek_, scene_.space, memory_, statics);
      if (arenas.empty()) continue;
      const auto parameters = glibc::find_parameters(statics, memory_);
      for (const auto& arena : arenas) book(arena, parameters);
      find_mmapped(parameters);
    }
    survey_.bytes_read = peek_.bytes_read();
    if (peek_.exhausted()) {
      survey_.notes.push_back(
          "glibc's structures were larger than what is read of a target for "
          "them; some of its regions may be missing");
    }
    return std::move(survey_);
  }

 private:
  void claim(Range range, const std::string& name, const std::string& why) {
    claim_anonymous(memory_, survey_, range, scene_.chart.open({"heap", "glibc", name}),
                    scene_.chart.because(why));
  }

  void book(const glibc::MainArena& arena, const std::optional<glibc::Parameters>& parameters) {
    ++main_arenas_;
    const std::string main =
        main_arenas_ == 1 ? "main arena" : fmt::format("main arena {}", main_arenas_);
    if (!parameters) {
      survey_.notes.push_back(
          "glibc's malloc_par was not found, so the number of its mmapped chunks is not known");
    }
    for (const auto& region :
         glibc::find_main_regions(peek_, scene_.space, memory_, arena, parameters, survey_.notes)) {
      claim(region.range, main, region.evidence);
    }
    for (const Address state : arena.others) {
      ++other_arenas_;
      const auto heaps = glibc::find_sub_heaps(peek_, memory_, arena.layout, state);
      if (heaps.empty()) {
        survey_.notes.push_back(
            fmt::format("glibc's arena {} at {:#x}: its chain of sub-heaps does not hold together",
                        other_arenas_, state.value));
      }
      for (const auto& heap : heaps) {
        claim(heap.range, fmt::format("arena {}", other_arenas_),
              fmt::format("{}; {}", heap.evidence, arena.evidence));
      }
    }
  }

  void find_mmapped(const std::optional<glibc::Parameters>& parameters) {
    std::vector<Range> claimed;
    for (const Claim& known : survey_.claims) claimed.push_back(known.range);
    std::sort(claimed.begin(), claimed.end());
    auto found = glibc::find_mmapped(peek_, scene_.space, memory_, claimed, parameters);
    const AccountId account = scene_.chart.open({"heap", "glibc", "mmapped chunks"});
    const EvidenceId evidence = scene_.chart.because(found.evidence);
    JoinedClaims claims(scene_.chart);
    for (const Range& chunk : found.chunks) {
      for (const Range& part : memory_.parts(chunk)) claims.push(part, account, evidence);
    }
    claims.move_into(survey_, "glibc's mmapped chunks");
    std::move(found.notes.begin(), found.notes.end(), std::back_inserter(survey_.notes));
  }

  const HeapScene& scene_;
  Peek peek_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
  unsigned main_arenas_ = 0;
  unsigned other_arenas_ = 0;
};

}  // namespace

HeapSurvey survey_glibc(const HeapScene& scene) { return Glibc(scene).survey(); }

}  // namespace strata
