#include "inspect/page/present_memory.h"

#include <algorithm>
#include <cstring>

namespace strata {

Result<std::vector<Range>> PresentMemory::present(Range range) const {
  if (scanner_ == nullptr) return std::vector<Range>{range};
  const ScanRange whole{
      {round_down(range.start, page_size()), round_up(range.end, page_size())}, {}, std::nullopt};
  std::vector<Range> parts;
  auto done = scanner_->scan(std::span(&whole, 1), [&](const PageRun& run) {
    if (!run.flags.has(PageFlag::kPresent)) return;
    const Range part = intersection(run.range, range);
    if (part.empty()) return;
    if (!parts.empty() && parts.back().end == part.start) {
      parts.back().end = part.end;
    } else {
      parts.push_back(part);
    }
  });
  if (!done) return pass(done);
  return parts;
}

Result<Bytes> PresentMemory::read(Address from, std::span<std::byte> into) const {
  auto parts = present(range_of(from, Bytes{into.size()}));
  if (!parts) return pass(parts);
  std::fill(into.begin(), into.end(), std::byte{0});
  Bytes total;
  for (const Range& part : *parts) {
    const auto piece = into.subspan((part.start - from).value, part.size().value);
    auto got = target_.read_memory(part.start, piece);
    if (!got) return pass(got);
    total += *got;
  }
  return total;
}

}  // namespace strata
