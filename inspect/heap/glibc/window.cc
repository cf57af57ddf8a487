#include "inspect/heap/glibc/window.h"

#include <algorithm>

namespace strata::glibc {
namespace {

// One system call of 16 KiB costs as much as its bytes; more than 1 MiB leaves the cache.
constexpr Bytes kSmallest = 16_KiB;
constexpr Bytes kLargest = 1_MiB;
// Asked for at once where nothing is resident.
constexpr Bytes kAsked = 64_MiB;

}  // namespace

Address Window::next_resident(Address at, Address limit) const {
  while (at < limit) {
    const Address until = std::min(at + kAsked, limit);
    const auto parts = memory_.present({at, until});
    if (!parts) return limit;
    if (!parts->empty()) return parts->front().start;
    at = until;
  }
  return limit;
}

bool Window::find_part(Address at) {
  const auto found = std::upper_bound(parts_.begin(), parts_.end(), at,
                                      [](Address a, const Range& r) { return a < r.end; });
  if (found == parts_.end() || at < found->start) return false;
  part_ = *found;
  return at + Bytes{sizeof(Header)} <= part_.end;
}

bool Window::move_to(Address at, Address limit) {
  if (at >= start_ && at < end_) return find_part(at);
  const bool follows = start_ < end_ && at >= end_ && at - end_ < size_;
  size_ = follows ? std::min(size_ * 2, kLargest) : kSmallest;
  start_ = round_down(at, page_size());
  end_ = std::min(start_ + size_, round_up(limit, page_size()));
  parts_.clear();
  part_ = {};
  if (end_ <= start_) return false;
  auto parts = memory_.present({start_, end_});
  if (!parts) return false;
  headers_.resize((end_ - start_).value / sizeof(Header));
  const auto bytes = std::as_writable_bytes(std::span(headers_));
  for (const Range& part : *parts) {
    const auto got = memory_.target().read_memory(
        part.start, bytes.subspan((part.start - start_).value, part.size().value));
    if (!got || *got == 0_B) continue;
    bytes_read_ += *got;
    parts_.push_back(range_of(part.start, *got));
  }
  return find_part(at);
}

}  // namespace strata::glibc
