// Fuzzes malloc() and its like: the input is a script of operations, two bytes each, and what they
// leave is held against a model. STRATA_MALLOC=harden:1,check_sizes:1 fuzzes those ways.
//
//     byte 0   what is done, and the upper bits of how much
//     byte 1   to which block, or how much
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "malloc/block.h"
#include "malloc/census.h"
#include "malloc/decay.h"
#include "malloc/poison.h"
#include "malloc/sized.h"

namespace strata::alloc {
namespace {

#define HOLDS(condition) \
  ((condition) ? void() : (fprintf(stderr, "line %d: not so: %s\n", __LINE__, #condition), abort()))

constexpr std::size_t kMost = 128;
constexpr std::size_t kMostHeld = std::size_t{16} << 20;
// Up to 256 KiB: long runs are slow and show nothing that short ones do not.
constexpr unsigned kMostUpper = 10;

struct Block {
  unsigned char* at;
  std::size_t bytes;
  std::size_t alignment;
  bool is_resized;
  unsigned char mark;
};

/// At both ends and in the middle, as much as there is.
void write(const Block& block) {
  if (block.bytes == 0) return;
  block.at[0] = block.at[block.bytes / 2] = block.at[block.bytes - 1] = block.mark;
}
void check(const Block& block, std::size_t bytes) {
  if (bytes == 0) return;
  HOLDS(block.at[0] == block.mark);
  if (bytes < block.bytes) return;
  HOLDS(block.at[bytes / 2] == block.mark && block.at[bytes - 1] == block.mark);
}

class Player {
 public:
  void play(const std::uint8_t* bytes, std::size_t size) {
    for (std::size_t i = 0; i + 1 < size; i += 2) step(bytes[i], bytes[i + 1]);
    while (count_ > 0) free_one(count_ - 1);
    cache.empty();
    static Census census;
    take_census(census);
    HOLDS(census.all_live().blocks == 0);
    HOLDS(census.cached.blocks == 0);
  }

 private:
  static std::size_t size_of(unsigned upper, unsigned lower) {
    // 0 to 255, then up to 256 KiB, ever coarser; each class and both of its neighbours is in
    // reach.
    return upper == 0 ? lower : (std::size_t{256} + lower) << (upper - 1);
  }

  void step(unsigned what, unsigned how) {
    const unsigned upper = what >> 4;
    const std::size_t bytes = size_of(upper > kMostUpper ? kMostUpper : upper, how);
    const std::size_t chosen = count_ == 0 ? 0 : how % count_;
    switch (what & 15) {
      case 0:
      case 1:
      case 2:
      case 3:
        return put(allocate(bytes), bytes, 1);
      case 4: {
        auto* const at = static_cast<unsigned char*>(allocate_zeroed(bytes));
        HOLDS(at != nullptr);
        if (bytes > 0) HOLDS(at[0] == 0 && std::memcmp(at, at + 1, bytes - 1) == 0);
        return put(at, bytes, 1);
      }
      case 5:
        return put(allocate_aligned(bytes, std::size_t{1} << (how % 18)), bytes,
                   std::size_t{1} << (how % 18));
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        if (count_ > 0) free_one(chosen);
        return;
      case 11:
      case 12:
        if (count_ > 0)
          resize_one(chosen, size_of(upper > kMostUpper ? kMostUpper : upper, (how * 37) & 255));
        return;
      case 13:
        cache.empty();
        return;
      case 14:
        how % 2 == 0 ? decay() : static_cast<void>(purge_everything());
        return;
      default:
        retreat();
    }
  }

  void put(void* at, std::size_t bytes, std::size_t alignment) {
    HOLDS(at != nullptr);
    HOLDS(reinterpret_cast<std::uintptr_t>(at) % alignment == 0);
    HOLDS(usable_size(at, "fuzz") >= bytes);
    if (count_ == kMost || held_ + bytes > kMostHeld) return release(at);
    auto* const start = static_cast<unsigned char*>(at);
    for (std::size_t i = 0; i < count_; ++i) {
      const Block& other = blocks_[i];
      HOLDS(start + bytes <= other.at || other.at + other.bytes <= start);
    }
    blocks_[count_] = {start, bytes, alignment, false, ++mark_};
    held_ += bytes;
    write(blocks_[count_++]);
  }
  void free_one(std::size_t i) {
    const Block block = blocks_[i];
    check(block, block.bytes);
    blocks_[i] = blocks_[--count_];
    held_ -= block.bytes;
    if (block.mark % 3 == 0) return release(block.at);
    if (block.is_resized) return release_sized(block.at, block.bytes, 1, Sized::kFree);
    const Sized by = block.mark % 3 == 1 ? Sized::kDelete : Sized::kFreeAligned;
    release_sized(block.at, block.bytes, block.alignment, by);
  }
  void resize_one(std::size_t i, std::size_t bytes) {
    if (bytes == 0) return free_one(i);
    Block& block = blocks_[i];
    check(block, block.bytes);
    held_ += bytes - block.bytes;
    auto* const at = static_cast<unsigned char*>(resize(block.at, bytes, "fuzz"));
    HOLDS(at != nullptr);
    const Block resized{at, bytes, 1, true, block.mark};
    if (block.bytes > 0) HOLDS(at[0] == block.mark);
    block = resized;
    write(block);
  }

  Block blocks_[kMost];
  std::size_t count_ = 0, held_ = 0;
  unsigned char mark_ = 0;
};

}  // namespace
}  // namespace strata::alloc

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static strata::alloc::Player player;
  player.play(bytes, size);
  return 0;
}
