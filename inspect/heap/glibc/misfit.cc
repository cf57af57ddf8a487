#include "inspect/heap/glibc/misfit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <utility>

#include "base/printable.h"
#include "inspect/heap/glibc/layout.h"
#include "inspect/heap/glibc/parameters.h"

namespace strata::glibc {
namespace {

constexpr std::string_view kBegins = "glibc's malloc in ";
constexpr std::string_view kEnds = "nothing is told of its heap";

constexpr std::array kHeads = {112_B, 104_B, 24_B};  // of known builds
// A bin, as chunks point to it, begins so far before its links.
constexpr std::int64_t kBinBefore = -16;
// Fewer words in a row that lead to themselves are other lists.
constexpr std::size_t kBinsAtLeast = 32;
// How far off from themselves links may lead that could be an empty bin's.
constexpr std::int64_t kFarthest = 256;
// The C library's variables that its file has are 12 KiB.
constexpr Bytes kMostData = 1_MiB;
constexpr std::size_t kBinWords = 2 * Layout::kBins;

bool bears_the_name(const Module& module) {
  return module.name.starts_with("libc.so.6") || module.name.starts_with("libc-2.");
}

bool is_all_of_it(const Space& space, const Module& module) {
  return module.is_executable &&
         std::all_of(space.modules.begin(), space.modules.end(),
                     [&](const Module& m) { return &m == &module || m.name == "[vdso]"; });
}

/// A 32-bit process's lies so, and its words are half as long.
bool is_64_bit(const Module& module) { return module.range.end.value >> 32 != 0; }

/// Before it is relocated, which ends with its constants made so, nothing in it leads anywhere.
bool is_relocated(const Space& space, const Module& module) {
  if (!module.relro) return true;
  const Mapping* const mapping = space.find_mapping(module.relro->start);
  return mapping == nullptr || !mapping->writable;
}

/// Whether all is there that the file has of the module's variables, main_arena among them.
bool has_all_words(Peek& peek, const Space& space, const Module& module) {
  Bytes seen;
  for (const Segment& segment : module.segments) {
    if (!segment.writable) continue;
    auto mapping =
        std::partition_point(space.mappings.begin(), space.mappings.end(),
                             [&](const Mapping& m) { return m.range.end <= segment.range.start; });
    for (; mapping != space.mappings.end() && mapping->range.start < segment.range.end; ++mapping) {
      Range part{std::max(mapping->range.start, segment.range.start),
                 std::min(mapping->range.end, segment.range.end)};
      if (module.relro && module.relro->end > part.start) part.start = module.relro->end;
      if (!mapping->has_file() || part.start >= part.end) continue;
      seen += part.size();
      if (seen > kMostData) return true;
      std::vector<std::byte> bytes(part.size().value);
      if (!peek.read(part.start, bytes)) return false;
    }
  }
  return true;
}

/// Whether a main_arena stands in `statics` as it stands in the file: no malloc has looked at it.
bool is_untouched(const std::vector<StaticWords>& statics) {
  for (const StaticWords& part : statics) {
    for (std::size_t i = kBinWords + 4; i < part.words.size(); ++i) {
      const bool leads_home = std::any_of(kHeads.begin(), kHeads.end(), [&](Bytes head) {
        return part.words[i] + (Layout{head}.next()).value == part.address(i).value;
      });
      if (!leads_home) continue;
      const auto next = part.words.begin() + static_cast<std::ptrdiff_t>(i);
      if (std::all_of(next - (kBinWords + 4), next, [](std::uint64_t w) { return w == 0; })) {
        return true;
      }
    }
  }
  return false;
}

/// Where bins would stand: most pairs of words there lead equally far from themselves.
struct Candidate {
  const StaticWords* statics = nullptr;
  std::size_t at = 0;     // of the first bin's first word
  std::size_t alike = 0;  // pairs
  std::int64_t off = 0;   // by which they lead to
};

Candidate find_candidate(const std::vector<StaticWords>& statics) {
  Candidate best;
  for (const StaticWords& part : statics) {
    // By how far they are off and whether they begin at an even word: the pairs, in order.
    std::map<std::pair<std::int64_t, std::size_t>, std::vector<std::size_t>> pairs;
    for (std::size_t i = 0; i + 1 < part.words.size(); ++i) {
      if (part.words[i] != part.words[i + 1]) continue;
      const auto off = static_cast<std::int64_t>(part.words[i] - part.address(i).value);
      if (off >= -kFarthest && off <= kFarthest) pairs[{off, i % 2}].push_back(i);
    }
    for (const auto& [key, places] : pairs) {
      std::size_t first = 0;
      for (std::size_t last = 0; last < places.size(); ++last) {
        while (places[last] - places[first] > kBinWords - 2) ++first;
        const std::size_t alike = last - first + 1;
        // The last bin is always empty, the first seldom.
        if (alike < kBinsAtLeast || alike < best.alike || places[last] < kBinWords - 2) continue;
        if (alike > best.alike || key.first == kBinBefore) {
          best = {&part, places[last] - (kBinWords - 2), alike, key.first};
        }
      }
    }
  }
  return best;
}

std::size_t count_linked_back(Peek& peek, const Candidate& candidate) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < Layout::kBins; ++i) {
    const std::size_t at = candidate.at + 2 * i;
    const Address links = candidate.statics->address(at);
    const std::uint64_t bin = (links - 16_B).value;
    const Address fd{candidate.statics->words[at]}, bk{candidate.statics->words[at + 1]};
    const bool is_empty = fd.value == bin && bk.value == bin;
    count += is_empty || (fd.value != bin && bk.value != bin && peek.word(fd + 24_B) == bin &&
                          peek.word(bk + 16_B) == bin);
  }
  return count;
}

std::string describe(Peek& peek, const Space& space, const AnonymousMemory& memory,
                     const Candidate& candidate) {
  const StaticWords& statics = *candidate.statics;
  const Address bins = statics.address(candidate.at);
  std::string text =
      fmt::format("at {}, {} of {} bins link back to themselves", place_of(space, bins),
                  count_linked_back(peek, candidate), Layout::kBins);
  if (candidate.off != kBinBefore) {
    text += fmt::format(" and {} lead {} bytes {} where they must", candidate.alike,
                        std::abs(candidate.off - kBinBefore),
                        candidate.off > kBinBefore ? "behind" : "before");
  }
  const std::size_t next_at = candidate.at + kBinWords + 2;
  const bool closes =
      next_at < statics.words.size() &&
      std::any_of(
          kHeads.begin(), kHeads.end(),
          [&](Bytes head) {
            return closes_ring(peek, bins - head, Layout{head}, Address{statics.words[next_at]});
          });
  text += closes ? ", the ring of arenas closes" : ", the ring of arenas does not close";
  const Address top{candidate.at < 2 ? 0 : statics.words[candidate.at - 2]};
  return text + (memory.find_writable(top) ? ", the top lies in writable anonymous memory"
                                           : ", the top does not lie in writable anonymous memory");
}

}  // namespace

std::optional<std::string> find_misfit(Peek& peek, const HeapScene& scene,
                                       const AnonymousMemory& memory, const Module& module,
                                       const std::vector<StaticWords>& statics) {
  const bool is_named = bears_the_name(module);
  if (!is_named && !is_all_of_it(scene.space, module)) return std::nullopt;
  if (!is_64_bit(module) || !is_relocated(scene.space, module)) return std::nullopt;
  const bool is_core = scene.memory.target().identity().kind == TargetKind::kCore;
  const bool lacks_words = is_named && !has_all_words(peek, scene.space, module);
  if (!(is_core && lacks_words) && is_untouched(statics)) return std::nullopt;
  const std::string begin = fmt::format("{}{} ", kBegins, printable(module.name));
  const Candidate best = find_candidate(statics);
  if (best.statics == nullptr) {
    if (lacks_words) {
      return begin + fmt::format("is not known: the C library's data is not {}; {}",
                                 is_core ? "in the file" : "all in memory", kEnds);
    }
    if (!is_named) return std::nullopt;
  } else if (best.off == kBinBefore && best.at >= 2) {
    const Address bin = best.statics->address(best.at) - 16_B;
    if (best.statics->words[best.at - 2] == bin.value) return std::nullopt;
  } else if (!is_named) {
    return std::nullopt;
  }
  return begin +
         fmt::format("fits none of the layouts that are known: {}, malloc_par was {}found{}; {}",
                     best.statics == nullptr ? "nothing in its data links back to itself as bins do"
                                             : describe(peek, scene.space, memory, best),
                     find_parameters(statics, memory) ? "" : "not ",
                     lacks_words ? ", some of its data could not be read" : "", kEnds);
}

const std::string* misfit_among(const std::vector<std::string>& notes) {
  const auto found = std::find_if(notes.begin(), notes.end(), [](const std::string& note) {
    return note.starts_with(kBegins) && note.ends_with(kEnds);
  });
  return found == notes.end() ? nullptr : &*found;
}

}  // namespace strata::glibc
