// smaps may say anything: an error, or mappings that are not empty; and it makes no difference in
// what pieces the text comes. The first byte chooses the pieces.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "inspect/page/smaps.h"

namespace {

using namespace strata;

void require(bool condition) {
  if (!condition) abort();
}

Result<std::vector<MappingUsage>> parse(std::string_view text, std::size_t piece) {
  std::vector<MappingUsage> usage;
  SmapsParser parser(usage);
  for (; !text.empty(); text.remove_prefix(std::min(piece, text.size()))) {
    auto fed = parser.feed(text.substr(0, piece));
    if (!fed) return pass(fed);
  }
  if (auto end = parser.finish(); !end) return pass(end);
  return usage;
}

bool same(const MappingUsage& a, const MappingUsage& b) {
  const MappingTraits &s = a.traits, &t = b.traits;
  return a.range == b.range && a.resident == b.resident && a.proportional == b.proportional &&
         a.anonymous == b.anonymous && a.swapped == b.swapped && a.locked == b.locked &&
         s.hugetlb == t.hugetlb && s.frames == t.frames && s.device == t.device &&
         s.grows_down == t.grows_down && s.locked == t.locked;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  auto whole = parse(text, size);
  auto pieces = parse(text, 1 + bytes[0]);
  require(whole.has_value() == pieces.has_value());
  if (!whole) {
    require(whole.error().cause == Cause::kCorrupt && whole.error().message.size() < 2000);
    require(whole.error().message == pieces.error().message);
    return 0;
  }
  require(whole->size() == pieces->size());
  MappingUsage sum;
  for (std::size_t i = 0; i < whole->size(); ++i) {
    require(same((*whole)[i], (*pieces)[i]) && !(*whole)[i].range.empty());
    sum.add((*whole)[i]);
  }
  return 0;
}
