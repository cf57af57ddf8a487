// Books V8's pages, and what was reserved around them: the code range, and in a build with pointer
// compression the cage, with the sandbox the rest of it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/exports.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/joined_claims.h"
#include "inspect/heap/v8_layout.h"
#include "inspect/heap/v8_pages.h"

namespace strata {
namespace {

// The smallest d8 has 20 MiB of code, most of it V8's.
constexpr Bytes kLeastCode = 12_MiB;

/// What V8 reserved for code around a code page: the mappings that follow each other without a
/// gap and hold code, nothing, or a page's header. Mapped files in it (V8 maps its built-in code
/// there once more) are left to their file.
std::vector<Range> code_range_from(const Space& space, const std::set<Address>& headers,
                                   Address start) {
  std::vector<Range> ranges;
  const Range limit = range_of(start, kV8CodeRange);
  Address at = start;
  while (at < limit.end) {
    const Mapping* const mapping = space.find_mapping(at);
    if (mapping == nullptr || mapping->range.start > at || mapping->shared) break;
    const bool is_file = mapping->has_file();
    const bool is_reserved = !mapping->readable && !mapping->writable && !mapping->executable;
    const bool is_header = headers.contains(round_down(at, kV8PageUnit));
    if (!mapping->executable && !is_reserved && !is_header) break;
    if (is_file && !mapping->executable) break;
    const Range part = intersection({at, mapping->range.end}, limit);
    if (!is_file) {
      if (!ranges.empty() && ranges.back().end == part.start) {
        ranges.back().end = part.end;
      } else {
        ranges.push_back(part);
      }
    }
    at = mapping->range.end;
  }
  return ranges;
}

std::string_view account_of(V8PageKind kind) {
  switch (kind) {
    case V8PageKind::kYoung:
      return "young generation";
    case V8PageKind::kOld:
      return "old generation";
    case V8PageKind::kLarge:
      return "large objects";
    case V8PageKind::kReadOnly:
      return "read-only";
    case V8PageKind::kTrusted:
      return "trusted";
    case V8PageKind::kCode:
      break;
  }
  return "code";
}

std::string evidence_of(const V8Page& page) {
  if (page.number) {
    return "a page header that holds the number of its own place in V8's cage";
  }
  if (page.kind == V8PageKind::kReadOnly) {
    return "a page that belongs to no isolate and cannot be written; its record ends where "
           "it does, or its first object is its own map";
  }
  return fmt::format(
      "a page header of the isolate whose heap is at {:#x}; its space names the same heap",
      page.heap);
}

class V8Survey {
 public:
  explicit V8Survey(const HeapScene& scene) : scene_(scene), memory_(scene.space) {}

  HeapSurvey book(const V8Pages& found) {
    JoinedClaims claims(scene_.chart);
    for (const V8Page& page : found.pages) {
      const EvidenceId evidence = scene_.chart.because(evidence_of(page));
      for (const Range& part : memory_.parts(page.range)) {
        claims.push(part, account(page.kind), evidence);
      }
    }
    claims.move_into(survey_, "V8's pages");
    claim_code(found.pages);
    claim_cages(found.pages);
    if (found.gave_up) {
      survey_.notes.push_back("the search for V8's pages stopped at a limit; some may be missing");
    }
    return std::move(survey_);
  }

 private:
  AccountId account(V8PageKind kind) {
    if (kind == V8PageKind::kCode) return scene_.chart.open({"heap", "V8", "code"});
    return scene_.chart.open({"heap", "V8", "pages", account_of(kind)});
  }

  void claim_code(const std::vector<V8Page>& pages) {
    std::set<Address> headers;
    for (const V8Page& page : pages) {
      if (page.kind == V8PageKind::kCode) headers.insert(page.range.start);
    }
    const EvidenceId reserved = scene_.chart.because(
        "reserved around a page of V8's code and mapped without a gap after it");
    Address covered;
    for (const Address start : headers) {
      if (start < covered) continue;
      for (const Range& range : code_range_from(scene_.space, headers, start)) {
        survey_.claims.push_back(
            {range, account(V8PageKind::kCode), reserved, Rank::kRuntimeRegion});
        covered = range.end;
      }
    }
  }

  void claim_cages(const std::vector<V8Page>& pages) {
    std::set<Address> cages;
    std::set<Address> trusted;
    for (const V8Page& page : pages) {
      if (!page.number || page.kind == V8PageKind::kCode) continue;
      auto& bases = page.kind == V8PageKind::kTrusted ? trusted : cages;
      bases.insert(round_down(page.range.start, kV8Cage));
    }
    for (const Address base : trusted) {
      claim_region(range_of(base, kV8TrustedRange), "trusted range",
                   "reserved around pages that are numbered as the trusted range's");
    }
    for (const Address base : cages) {
      const Range cage = range_of(base, kV8Cage);
      claim_region(cage, "cage", "the 4 GiB in which pages number their own place");
      // The sandbox is one reservation that begins with the cage.
      const Range sandbox{cage.end, base + kV8Sandbox};
      const auto rest = memory_.parts(sandbox);
      if (rest.empty() || rest.front().start != cage.end || !memory_.covers(cage)) continue;
      if (rest.front().size() < kV8LeastSandbox) continue;
      claim_region(rest.front(), "sandbox", "reserved in one piece behind V8's cage");
    }
  }

  void claim_region(Range range, std::string_view name, std::string_view why) {
    claim_anonymous(memory_, survey_, range, scene_.chart.open({"heap", "V8", name}),
                    scene_.chart.because(why), Rank::kRuntimeRegion);
  }

  const HeapScene& scene_;
  AnonymousMemory memory_;
  HeapSurvey survey_;
};

}  // namespace

HeapSurvey survey_v8(const HeapScene& scene) {
  const auto& modules = scene.space.modules;
  // V8 is large, whatever its program is called, and whether or not it lies in a library.
  const bool is_large = std::any_of(modules.begin(), modules.end(), [](const Module& module) {
    return code_size(module) >= kLeastCode;
  });
  if (!is_large) return {};
  Peek peek(scene);
  const V8Pages found = find_v8_pages(scene.space, peek);
  HeapSurvey survey;
  if (!found.pages.empty()) {
    survey = V8Survey(scene).book(found);
  } else if (modules.front().name == "node") {
    survey.notes.push_back(
        "this is Node, and no page has a header as V8 7 to 14 writes it: none is read yet, or "
        "another version keeps it elsewhere");
  }
  survey.bytes_read = peek.bytes_read();
  return survey;
}

}  // namespace strata
