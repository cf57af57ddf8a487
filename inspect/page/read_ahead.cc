#include "inspect/page/read_ahead.h"

#include <algorithm>
#include <utility>

#include "base/thread.h"

namespace strata {
void read_piece(const PresentMemory& memory, Range range, Piece& piece) {
  piece.range = range;
  piece.bytes.resize(range.size().value);
  auto parts = memory.read_parts(range.start, piece.bytes);
  piece.parts = parts ? std::move(*parts) : std::vector<Range>();
}

ReadAhead::ReadAhead(const PresentMemory& memory, std::vector<Range> ranges, Prepare prepare)
    : own_memory_(memory),
      other_memory_(memory),
      ranges_(std::move(ranges)),
      prepare_(std::move(prepare)) {
  if (!ranges_.empty()) at_ = ranges_.front().start;
  Bytes all;
  for (const Range& range : ranges_) all += range.size();
  if (all > kPiece) thread_ = start_thread([this] { read_on(); });
}

ReadAhead::~ReadAhead() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    is_unwanted_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

/// Sets a slot apart for what comes next; false where there is no slot free, or nothing comes.
bool ReadAhead::claim(std::size_t& number) {
  if (end_ - begin_ == kPieces) return false;
  while (range_ < ranges_.size() && at_ >= ranges_[range_].end) {
    if (++range_ < ranges_.size()) at_ = ranges_[range_].start;
  }
  if (range_ == ranges_.size()) return false;
  // In step with the pages of page tables, and with huge pages.
  const Address end = std::min(round_up(at_ + 1_B, kPiece), ranges_[range_].end);
  number = end_++;
  Slot& slot = slots_[number % kPieces];
  slot.is_filled = false;
  slot.piece.number = range_;
  slot.piece.range = {at_, end};
  at_ = end;
  return true;
}

void ReadAhead::fill(const PresentMemory& memory, std::size_t number) {
  Slot& slot = slots_[number % kPieces];
  Piece& piece = slot.piece;
  read_piece(memory, piece.range, piece);
  Address present = piece.range.end;
  if (!piece.parts.empty()) {
    if (prepare_) prepare_(piece, number % kPieces);
  } else if (const auto next = memory.next_present(present, ranges_[piece.number].end)) {
    present = *next;
  }
  {
    const std::lock_guard lock(mutex_);
    slot.is_filled = true;
    if (range_ == piece.number && at_ < present) at_ = present;
  }
  changed_.notify_all();
}

void ReadAhead::read_on() {
  for (;;) {
    std::size_t number = 0;
    {
      std::unique_lock lock(mutex_);
      bool is_claimed = false;
      changed_.wait(lock, [&] {
        return is_unwanted_ || range_ == ranges_.size() || (is_claimed = claim(number));
      });
      if (!is_claimed) return;
    }
    fill(other_memory_, number);
  }
}

ReadAhead::Next ReadAhead::next() {
  std::unique_lock lock(mutex_);
  if (std::exchange(in_hand_, false)) {
    ++begin_;
    changed_.notify_all();
  }
  for (;;) {
    if (begin_ < end_ && slots_[begin_ % kPieces].is_filled) {
      const std::size_t slot = begin_ % kPieces;
      in_hand_ = true;
      if (!slots_[slot].piece.parts.empty()) return {&slots_[slot].piece, slot};
      ++begin_;
      in_hand_ = false;
      changed_.notify_all();
      continue;
    }
    std::size_t number = 0;
    if (claim(number)) {
      lock.unlock();
      fill(own_memory_, number);
      lock.lock();
    } else if (begin_ == end_) {
      return {nullptr, 0};
    } else {
      changed_.wait(lock);
    }
  }
}

}  // namespace strata
