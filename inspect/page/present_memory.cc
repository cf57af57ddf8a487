#include "inspect/page/present_memory.h"

#include <algorithm>
#include <cstring>

#include "inspect/target/core.h"

namespace strata {
namespace {

// What one page of page tables covers: the kernel walks it in 6 us at most, a call about one page
// takes 1 us.
constexpr Bytes kWindow = 2_MiB;
// 2 GiB of address space; of one that is wider used, the windows are forgotten and made again.
constexpr std::size_t kMostWindows = 1024;

// Looked through at once for the next page that is present.
constexpr Bytes kLeastAhead = 64_MiB;
constexpr Bytes kMostAhead = 16_GiB;

void append(std::vector<Range>& parts, Range part) {
  if (part.empty()) return;
  if (!parts.empty() && parts.back().end == part.start) {
    parts.back().end = part.end;
  } else {
    parts.push_back(part);
  }
}

}  // namespace

Result<std::vector<Range>> PresentMemory::present(Range range) const {
  if (scanner_ == nullptr) return std::vector<Range>{range};
  const bool is_small = range.size() <= kWindow;
  if (pages_ == Pages::kMove || !is_small) return scan(range);
  std::vector<Range> parts;
  for (Address at = round_down(range.start, kWindow); at < range.end; at = at + kWindow) {
    auto window = window_around(at);
    // Beyond the end of what a process can map the kernel refuses to look.
    if (!window) return scan(range);
    auto part = std::upper_bound((*window)->begin(), (*window)->end(), range.start,
                                 [](Address a, const Range& r) { return a < r.end; });
    for (; part != (*window)->end() && part->start < range.end; ++part) {
      append(parts, intersection(*part, range));
    }
    if (at + kWindow < at) break;
  }
  return parts;
}

Result<const std::vector<Range>*> PresentMemory::window_around(Address at) const {
  if (const auto known = windows_.find(at); known != windows_.end()) return &known->second;
  auto parts = scan(range_of(at, kWindow));
  if (!parts) return pass(parts);
  if (windows_.size() >= kMostWindows) windows_.clear();
  return &windows_.emplace(at, std::move(*parts)).first->second;
}

Result<std::vector<Range>> PresentMemory::scan(Range range) const {
  const ScanRange whole{
      {round_down(range.start, page_size()), round_up(range.end, page_size())}, {}, std::nullopt};
  std::vector<Range> parts;
  auto done = scanner_->scan(std::span(&whole, 1), [&](const PageRun& run) {
    if (!run.flags.has(PageFlag::kPresent)) return;
    append(parts, intersection(run.range, range));
  });
  if (!done) return pass(done);
  return parts;
}

Result<Address> PresentMemory::next_present(Address at, Address limit) const {
  if (scanner_ == nullptr) return next_held(at, limit);
  // Terabytes may be reserved and never touched.
  for (Bytes span = kLeastAhead; at < limit; span = std::min(span * 2, kMostAhead)) {
    const Address end = std::min(at + span, limit);
    auto parts = scan({at, end});
    if (!parts) return pass(parts);
    if (!parts->empty()) return parts->front().start;
    at = end;
  }
  return limit;
}

Address PresentMemory::next_held(Address at, Address limit) const {
  if (!held_) {
    held_.emplace();
    for (const CoreExtent& extent : core_extents(target_)) {
      append(*held_, range_of(extent.range.start, extent.in_file));
    }
  }
  const auto part = std::upper_bound(held_->begin(), held_->end(), at,
                                     [](Address a, const Range& r) { return a < r.end; });
  return part == held_->end() ? limit : std::min(std::max(part->start, at), limit);
}

Result<std::vector<Range>> PresentMemory::read_parts(Address from,
                                                     std::span<std::byte> into) const {
  const Range range = range_of(from, Bytes{into.size()});
  std::vector<Range> read;
  if (scanner_ == nullptr || pages_ == Pages::kMove) {
    auto parts = present(range);
    if (!parts) return pass(parts);
    for (const Range& part : *parts) read_part(part, from, into, false, read);
    return read;
  }
  const ScanRange whole{
      {round_down(range.start, page_size()), round_up(range.end, page_size())}, {}, std::nullopt};
  auto done = scanner_->scan(
      std::span(&whole, 1),
      [&](const PageRun& run) {
        if (!run.flags.has(PageFlag::kPresent)) return;
        read_part(intersection(run.range, range), from, into, run.flags.has(PageFlag::kExclusive),
                  read);
      },
      PageScanner::Detail::kExclusive);
  if (!done) return pass(done);
  return read;
}

/// What of `part` can be read, into its place in `into`, which begins at `from`.
void PresentMemory::read_part(Range part, Address from, std::span<std::byte> into, bool exclusive,
                              std::vector<Range>& read) const {
  while (!part.empty()) {
    const auto place = into.subspan((part.start - from).value, part.size().value);
    const auto got = exclusive ? target_.read_exclusive(part.start, place)
                               : target_.read_memory(part.start, place);
    if (got) append(read, range_of(part.start, *got));
    // A core may lack pages in the middle of what counts as present, as may a device's memory.
    const Address behind = part.start + (got ? *got : 0_B);
    part.start = behind < part.end ? round_down(behind, page_size()) + page_size() : part.end;
    if (part.start > part.end) part.start = part.end;
  }
}

Result<Bytes> PresentMemory::read(Address from, std::span<std::byte> into) const {
  auto parts = present(range_of(from, Bytes{into.size()}));
  if (!parts) return pass(parts);
  Bytes total;
  std::size_t done = 0;  // of `into`: what could not be read is 0
  const auto clear_until = [&](std::size_t end) {
    std::fill(into.begin() + done, into.begin() + end, std::byte{0});
  };
  for (const Range& part : *parts) {
    const std::size_t start = (part.start - from).value;
    clear_until(start);
    auto got = target_.read_memory(part.start, into.subspan(start, part.size().value));
    if (!got) return pass(got);
    done = start + got->value;
    total += *got;
  }
  clear_until(into.size());
  return total;
}

}  // namespace strata
