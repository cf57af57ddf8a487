#include "inspect/heap/glibc/window.h"

#include <algorithm>
#include <utility>

namespace strata::glibc {
namespace {

// One system call of 16 KiB costs as much as its bytes.
constexpr Bytes kSmallest = 16_KiB;
constexpr Bytes kLargest = ReadAhead::kPiece;
// Asked for at once where nothing is resident.
constexpr Bytes kAsked = 64_MiB;

}  // namespace

Window::Window(const PresentMemory& memory, std::vector<Range> ranges, ReadAhead::Prepare prepare,
               Observer observer)
    : memory_(memory), observer_(std::move(observer)), ranges_(std::move(ranges)) {
  ahead_.emplace(memory, ranges_, std::move(prepare));
}

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

bool Window::show(const Piece& piece, Address at) {
  shown_ = &piece;
  const auto found = std::upper_bound(piece.parts.begin(), piece.parts.end(), at,
                                      [](Address a, const Range& r) { return a < r.end; });
  part_ = found == piece.parts.end() || at < found->start ? Range{} : *found;
  return at + Bytes{sizeof(Header)} <= part_.end;
}

/// Whether `at` lies in what is read ahead, before it or at most one piece from there.
bool Window::is_ahead(Address at) const {
  const auto range = std::upper_bound(ranges_.begin(), ranges_.end(), at,
                                      [](Address a, const Range& r) { return a < r.end; });
  if (range == ranges_.end() || at < range->start) return false;
  return observer_ || at < ahead_until_ + kLargest;
}

bool Window::move_to(Address at, Address limit) {
  if (ahead_piece_ != nullptr && ahead_piece_->range.contains(at)) return show(*ahead_piece_, at);
  if (own_.range.contains(at)) return show(own_, at);
  if (gap_.contains(at)) return false;
  if (ahead_ && at >= ahead_until_ && is_ahead(at)) return read_on_to(at);
  const bool looks_back = ahead_ && at < ahead_until_ && ahead_until_ - at < kLargest * 2;
  if (!observer_ && !looks_back) {
    ahead_.reset();
    ahead_piece_ = nullptr;
    const Address end = own_.range.end;
    const bool follows = at >= end && at - end < size_;
    size_ = follows ? std::min(size_ * 2, kLargest) : kSmallest;
    if (size_ == kLargest) {
      ranges_ = {{round_down(at, page_size()), round_up(limit, page_size())}};
      ahead_.emplace(memory_, ranges_);
      ahead_until_ = ranges_.front().start;
      return read_on_to(at);
    }
  }
  const Address from = round_down(at, page_size());
  const Bytes size = std::max(size_, kSmallest);
  read_piece(memory_, {from, std::min(from + size, round_up(limit, page_size()))}, own_);
  for (const Range& part : own_.parts) bytes_read_ += part.size();
  return show(own_, at);
}

/// To the first piece that ends behind `at`.
bool Window::read_on_to(Address at) {
  do {
    const Address from = ahead_until_;
    const auto [piece, slot] = ahead_->next();
    ahead_piece_ = piece;
    if (ahead_piece_ == nullptr) {
      gap_ = {std::max(from, ranges_.back().start), ranges_.back().end};
      ahead_until_ = ranges_.back().end;
      shown_ = nullptr;
      part_ = {};
      return false;
    }
    // What lies between two ranges was not looked at.
    gap_ = {std::max(from, ranges_[piece->number].start), piece->range.start};
    ahead_until_ = ahead_piece_->range.end;
    for (const Range& part : ahead_piece_->parts) bytes_read_ += part.size();
    if (observer_) observer_(*piece, slot);
  } while (at >= ahead_until_);
  return show(*ahead_piece_, at);
}

void Window::forget() {
  ahead_.reset();
  ahead_piece_ = shown_ = nullptr;
  gap_ = part_ = asked_ = {};
  own_.range = {};
}

void Window::finish() {
  while (observer_ && !ranges_.empty() && ahead_until_ < ranges_.back().end) {
    read_on_to(ahead_until_);
  }
}

}  // namespace strata::glibc
