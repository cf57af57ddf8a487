#include "inspect/heap/glibc/window.h"

#include <algorithm>
#include <utility>

namespace strata::glibc {
namespace {

// One system call of 16 KiB costs as much as its bytes; more than 1 MiB leaves the cache.
constexpr Bytes kSmallest = 16_KiB;
constexpr Bytes kLargest = 1_MiB;
// Asked for at once where nothing is resident.
constexpr Bytes kAsked = 64_MiB;

}  // namespace

Address Window::next_resident(Address at, Address limit) {
  while (at < limit) {
    // Where every other page is absent this is asked for each of them.
    if (!asked_.contains(at)) {
      asked_ = {round_down(at, page_size()), std::min(at + kAsked, round_up(limit, page_size()))};
      auto parts = memory_.present(asked_);
      if (!parts) {
        asked_ = {};
        return limit;
      }
      resident_ = std::move(*parts);
    }
    const auto part = std::upper_bound(resident_.begin(), resident_.end(), at,
                                       [](Address a, const Range& r) { return a < r.end; });
    if (part != resident_.end()) return std::min(std::max(part->start, at), limit);
    at = asked_.end;
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
  if (observer_ && at >= observed_until_) {
    // On from where reading stopped, until it is there.
    do {
      const Address from = round_down(observed_until_, page_size());
      read(from, std::min(from + kLargest, round_up(limit, page_size())));
      if (end_ <= start_) return false;
      observe();
    } while (at >= end_);
    return find_part(at);
  }
  const bool follows = start_ < end_ && at >= end_ && at - end_ < size_;
  size_ = follows ? std::min(size_ * 2, kLargest) : kSmallest;
  const Address from = round_down(at, page_size());
  read(from, std::min(from + size_, round_up(limit, page_size())));
  return end_ > start_ && find_part(at);
}

void Window::read(Address start, Address end) {
  start_ = start;
  end_ = end;
  parts_.clear();
  part_ = {};
  if (end_ <= start_) return;
  auto parts = memory_.present({start_, end_});
  if (!parts) return;
  headers_.resize((end_ - start_).value / sizeof(Header));
  const auto bytes = std::as_writable_bytes(std::span(headers_));
  for (const Range& part : *parts) {
    // A core may lack pages in the middle of what counts as present.
    for (Address from = part.start; from < part.end;) {
      const auto got = memory_.target().read_memory(
          from, bytes.subspan((from - start_).value, (part.end - from).value));
      if (got && *got > 0_B) {
        bytes_read_ += *got;
        parts_.push_back(range_of(from, *got));
        from = from + *got;
      }
      if (from < part.end) from = round_down(from, page_size()) + page_size();
    }
  }
}

void Window::observe() {
  for (const Range& part : parts_) {
    const Address from = std::max(part.start, observed_until_);
    if (from >= part.end) continue;
    const auto* const words = &headers_[0].previous;
    observer_(from, {words + (from - start_) / 8_B, (part.end - from) / 8_B});
  }
  observed_until_ = end_;
}

}  // namespace strata::glibc
