#include "inspect/ledger/losses.h"

#include <algorithm>

namespace strata {
namespace {

struct Loss {
  std::string_view word;  // of the means
  const char* sentence;
  bool (*is_felt)(const Explanation&);
};

bool always(const Explanation&) { return true; }

bool has_uncompared_relatives(const Explanation& e) {
  return !e.kinship.relatives.empty() && !e.kinship.by_frames;
}

bool has_lazily_freed(const Explanation& e) {
  return std::any_of(e.usage.begin(), e.usage.end(),
                     [](const MappingUsage& u) { return u.lazily_freed > 0_B; });
}

// What the scanner is blind to without PAGEMAP_SCAN it says itself. Freezing without ptrace is an
// error.
constexpr Loss kLosses[] = {
    {"pagemap_scan", "pages are read entry by entry", always},
    {"pfn", "forked relatives are not compared page by page", has_uncompared_relatives},
    {"kpageflags", "what MADV_FREE gave up is not told by account", has_lazily_freed},
    {"smaps", "what is proportional, dirty, locked or lazily freed is not told", always},
};

}  // namespace

std::vector<std::string> name_losses(const Explanation& e) {
  std::vector<std::string> losses;
  if (e.identity.kind == TargetKind::kCore) return losses;  // it has no pages to look at
  for (const Lack& lack : e.means.missing) {
    const auto* const loss =
        std::find_if(std::begin(kLosses), std::end(kLosses),
                     [&](const Loss& some) { return some.word == lack.word && some.is_felt(e); });
    if (loss != std::end(kLosses)) {
      losses.push_back(std::string(loss->sentence) + ": " + lack.why);
    } else if (lack.by == Lack::By::kHand) {
      losses.push_back(lack.why);
    }
  }
  return losses;
}

}  // namespace strata
