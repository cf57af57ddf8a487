#include "inspect/ledger/findings/huge_contents.h"

#include <algorithm>
#include <cstring>

namespace strata {
namespace {

constexpr Bytes kWindow = 2_MiB;

bool is_zero(std::span<const std::byte> page) {
  // Equal to itself shifted by one byte, and the first is 0: then all are. memcmp is vectorised.
  return page[0] == std::byte{0} && std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
}

}  // namespace

ZeroCount::ZeroCount(const PresentMemory& memory, std::vector<Range> huge)
    : memory_(memory), huge_(std::move(huge)) {
  for (const Range& range : huge_) all_ += range.size();
}

double ZeroCount::share_done() const {
  const Bytes done = contents_.read + contents_.unread;
  return static_cast<double>(done.value) / static_cast<double>(std::max(all_, 1_B).value);
}

bool ZeroCount::read_while(const std::function<bool()>& may_go_on) {
  while (at_ < huge_.size() && may_go_on()) {
    Range& range = huge_[at_];
    const Range window{range.start, std::min(range.end, range.start + kWindow)};
    read_window(window);
    range.start = window.end;
    if (range.empty()) ++at_;
  }
  return at_ == huge_.size();
}

void ZeroCount::read_window(Range window) {
  window_.resize(kWindow.value);  // only now: most explanations count nothing
  const auto into = std::span(window_).first(window.size().value);
  auto got = memory_.read(window.start, into);
  // What was not read is 0 in the buffer and must not count, and which part it was is not known.
  if (!got || *got != window.size()) {
    contents_.unread += window.size();
    return;
  }
  contents_.read += window.size();
  const std::size_t page = page_size().value;
  for (std::size_t i = 0; i + page <= into.size(); i += page) {
    if (is_zero(into.subspan(i, page))) contents_.zero += page_size();
  }
}

}  // namespace strata
