#include "inspect/heap/glibc/chunk_tape.h"

namespace strata::glibc {

bool ChunkTape::add_part() {
  if (parts_.size() >= most_parts_) {
    is_cut_ = true;
    return false;
  }
  parts_.push_back(std::make_unique_for_overwrite<Part>());
  used_ = 0;
  return true;
}

std::uint64_t ChunkTape::Player::take(unsigned& code) {
  const Part& part = *tape_.parts_[part_];
  std::uint8_t byte = part[used_++];
  code = byte & 0x7;
  std::uint64_t value = byte >> 3 & 0xF;
  for (unsigned shift = 4; (byte & kMore) != 0; shift += 7) {
    byte = part[used_++];
    value |= std::uint64_t{byte & 0x7Fu} << shift;
  }
  return value;
}

bool ChunkTape::Player::next(Entry& entry) {
  if (passed_ == tape_.size_) return false;
  while (regions_begun_ < tape_.regions_.size() &&
         tape_.regions_[regions_begun_].first == passed_) {
    arena_ = tape_.regions_[regions_begun_].arena;
    at_ = tape_.regions_[regions_begun_].start;
    ++regions_begun_;
  }
  if (kPart - used_ < kLongest) {
    ++part_;
    used_ = 0;
  }
  unsigned code = 0;
  std::uint64_t value = take(code);
  Bytes size{value * kUnit};
  if (code == kUneven) {
    unsigned none = 0;
    code = static_cast<unsigned>(value);
    size = Bytes{take(none)};
  }
  entry.arena = arena_;
  entry.chunk = {range_of(at_, size), static_cast<ChunkState>(code)};
  if (entry.chunk.state == ChunkState::kLive && fast_.contains(at_)) {
    entry.chunk.state = ChunkState::kFast;
  }
  at_ = at_ + size;
  ++passed_;
  return true;
}

}  // namespace strata::glibc
