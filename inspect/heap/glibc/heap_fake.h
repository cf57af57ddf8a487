// inspect/heap/glibc/heap_fake.h - for tests and fuzzers: a small heap of glibc's, whole and sound,
// in a target that is memory alone, so that any word of it can be made another.
//
//     libc.so.6   [malloc_par][main_arena]                     static data of a module
//     [heap]      [tcache][live|cached|fast|binned …][top]     the main arena
//     64 MiB      [heap_info|malloc_state|tcache|live …|fences]  another one, its first sub-heap
//     64 MiB      [heap_info|live|binned|live|top]             and its second
//     mapping     [mmapped chunk]
//     2 × TLS     [&tcache, &malloc_state]                     one for each thread
//
// Source  glibc malloc/malloc.c and arena.c, as of 2.36 or of 2.43.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "inspect/heap/anonymous.h"
#include "inspect/heap/glibc/blocks.h"
#include "inspect/heap/glibc/heap.h"

namespace strata::glibc {

/// Parts of memory by address; what lies on an absent page cannot be read.
class MemoryFake final : public Target {
 public:
  std::map<Address, std::vector<std::uint64_t>> parts;  // each begins at a page
  std::set<Address> absent;                             // pages
  Identity own_identity;
  mutable std::size_t reads = 0;

  std::uint64_t& word(Address at) {
    auto part = std::prev(parts.upper_bound(at));
    return part->second[(at - part->first) / 8_B];
  }
  Result<Bytes> read_memory(Address from, std::span<std::byte> into) const override {
    ++reads;
    std::size_t done = 0;
    while (done < into.size()) {
      const Address at = from + Bytes{done};
      const Address page = round_down(at, 4_KiB);
      auto part = parts.upper_bound(at);
      if (part == parts.begin() || absent.contains(page)) break;
      --part;
      const Bytes size{part->second.size() * 8};
      if (at - part->first >= size) break;
      const Bytes most = std::min(page + 4_KiB, part->first + size) - at;
      const std::size_t count = std::min<std::size_t>(into.size() - done, most.value);
      std::memcpy(
          into.data() + done,
          reinterpret_cast<const std::byte*>(part->second.data()) + (at - part->first).value,
          count);
      done += count;
    }
    return Bytes{done};
  }

  const Identity& identity() const override { return own_identity; }
  Result<std::vector<Mapping>> read_mappings() const override { return std::vector<Mapping>(); }
  Result<std::vector<Thread>> read_threads() const override { return std::vector<Thread>(); }
  Result<std::vector<AuxiliaryEntry>> read_auxiliary_vector() const override {
    return std::vector<AuxiliaryEntry>();
  }
  Result<File> open_mapped_file(const Mapping&) const override {
    return fail(Cause::kUnsupported, "a fake");
  }
  Result<File> open_kernel_file(const std::string&) const override {
    return fail(Cause::kUnsupported, "a fake");
  }
  Result<std::string> read_kernel_text(const std::string&) const override {
    return fail(Cause::kUnsupported, "a fake");
  }
  std::vector<std::string> absences() const override { return {}; }
};

class HeapFake {
 public:
  /// kOld is 2.32 to 2.41, kNew 2.43 on.
  enum class Build { kOld, kNew };

  explicit HeapFake(Build build = Build::kOld)
      : layout_{build == Build::kOld ? 112_B : 24_B}, is_new_(build == Build::kNew) {
    add(kStatic, 8_KiB, "libc.so.6");
    add(kBrk, kBrkSize, "[heap]");
    add(kOther, kCommitted, "");
    add(kSecond, kCommitted, "");
    add(kMmapped, 12_KiB, "");
    for (const Address block : kTls) add(block, 4_KiB, "");
    reserve(kOther);
    reserve(kSecond);
    std::sort(space.mappings.begin(), space.mappings.end(),
              [](const Mapping& a, const Mapping& b) { return a.range < b.range; });
    Module module;
    module.path = module.name = "libc.so.6";
    module.range = range_of(kStatic, 8_KiB);
    module.segments.push_back({module.range, true, true, false});
    space.modules.push_back(module);
    main_arena = kStatic + 0x200_B;
    other_arena = kOther + 48_B;
    make_main();
    make_other();
    make_threads();
    make_parameters();
  }

  MemoryFake memory;
  Space space;
  Address main_arena, other_arena;
  // Chunks, by what they are.
  Address cache, live, cached[3], fast[2], small[2], large[3], unsorted, top;
  Address other_live, other_binned, other_top, fence;

  Layout layout() const { return layout_; }
  std::uint64_t& word(Address at) { return memory.word(at); }
  Address bin(Address arena, std::size_t number) const {
    return arena + layout_.bins + Bytes{(number - 1) * 16} - kHeader;
  }
  Address cache_count(std::size_t list) const { return cache + kHeader + Bytes{list * 2}; }

  static constexpr Address kStatic{0x7f0000000000};
  static constexpr Address kBrk{0x555500000000};
  static constexpr Bytes kBrkSize = 32_KiB;
  static constexpr Address kOther{0x7e0000000000};
  static constexpr Address kSecond{0x7e0004000000};
  static constexpr Bytes kCommitted = 16_KiB;
  static constexpr Address kMmapped{0x7d0000000000};
  static constexpr Address kTls[2] = {{0x7f1000000000}, {0x7f1000010000}};

 private:
  void add(Address start, Bytes size, std::string name) {
    memory.parts[start] = std::vector<std::uint64_t>(size.value / 8);
    Mapping mapping;
    mapping.range = range_of(start, size);
    mapping.readable = mapping.writable = true;
    mapping.inode = name == "libc.so.6" ? 7 : 0;
    mapping.name = std::move(name);
    space.mappings.push_back(std::move(mapping));
  }
  void reserve(Address heap) {
    Mapping mapping;
    mapping.range = {heap + kCommitted, heap + 64_MiB};
    space.mappings.push_back(mapping);
  }

  Address take(Bytes size, std::uint64_t flags = kPreviousInUse) {
    const Address chunk = at_;
    word(chunk + 8_B) = size.value | flags | other_bit_;
    at_ = at_ + size;
    return chunk;
  }
  /// What take() gave last, put into a bin between what is there and the bin.
  void put(Address arena, std::size_t number, Address chunk) {
    const Address head = bin(arena, number);
    word(chunk + 8_B) &= ~kNotMainArena;
    const Bytes size{word(chunk + 8_B) & ~kFlagBits};
    word(chunk + size) = size.value;
    const Address last{word(head + 24_B)};
    word(chunk + 16_B) = head.value;
    word(chunk + 24_B) = last.value;
    word(last + 16_B) = chunk.value;
    word(head + 24_B) = chunk.value;
    word(arena + layout_.bins + Layout::kBinBytes + Bytes{number / 64 * 8}) |=
        number == 1 ? 0 : std::uint64_t{1} << number % 64;
  }
  void begin_arena(Address arena, Address next) {
    for (std::size_t number = 1; number <= Layout::kBins; ++number) {
      const Address head = bin(arena, number);
      word(head + 16_B) = word(head + 24_B) = head.value;
    }
    word(arena + layout_.next()) = next.value;
    word(arena + layout_.attached_threads()) = 1;
  }
  void end_arena(Address arena, Address last, Bytes system) {
    word(arena + layout_.top()) = last.value;
    word(arena + layout_.system_mem()) = system.value;
    word(arena + layout_.system_mem() + 8_B) = system.value;
  }
  Address take_top(Address end) {
    other_bit_ = 0;
    return take(end - at_);
  }
  Address take_cache(std::uint16_t places) {
    const Address table = take(is_new_ ? 0x300_B : 0x290_B);
    for (std::size_t i = 0; is_new_ && i < 76; ++i) set_count(table, i, places);
    return table;
  }
  void set_count(Address table, std::size_t list, std::uint16_t count) {
    std::uint64_t& four = word(table + kHeader + Bytes{list / 4 * 8});
    four &= ~(std::uint64_t{0xffff} << list % 4 * 16);
    four |= std::uint64_t{count} << list % 4 * 16;
  }
  std::uint64_t shifted(Address field, Address to) const { return to.value ^ field.value >> 12; }

  void make_main() {
    begin_arena(main_arena, other_arena);
    at_ = kBrk;
    cache = take_cache(kPlaces);
    live = take(112_B);
    const Address user = cache + kHeader;
    const std::size_t list = 3;  // of chunks of 80 bytes
    const Address entry = user + Bytes{is_new_ ? 152u : 128u} + Bytes{list * 8};
    for (Address& chunk : cached) chunk = take(80_B);
    for (std::size_t i = 0; i < 3; ++i) {
      const Address field = cached[i] + kHeader;
      word(field) = shifted(field, i == 0 ? Address{} : cached[i - 1] + kHeader);
      word(field + 8_B) = kMark;
    }
    word(entry) = (cached[2] + kHeader).value;
    set_count(cache, list, is_new_ ? kPlaces - 3 : 3);
    for (Address& chunk : fast) chunk = take(48_B);
    if (!is_new_) {
      word(fast[0] + kHeader) = shifted(fast[0] + kHeader, {});
      word(fast[1] + kHeader) = shifted(fast[1] + kHeader, fast[0]);
      word(main_arena + layout_.fast_bins() + 8_B) = fast[1].value;
    }
    const auto freed = [&](Bytes size, std::size_t number) {
      const Address chunk = take(size);
      put(main_arena, number, chunk);
      take(64_B, 0);  // keeps it from the next
      return chunk;
    };
    for (Address& chunk : small) chunk = freed(320_B, 20);
    large[0] = freed(2064_B, bin_of(2064_B));
    large[1] = freed(2064_B, bin_of(2064_B));
    large[2] = freed(2048_B, bin_of(2048_B));
    for (const std::size_t i : {0u, 2u}) {
      word(large[i] + 32_B) = word(large[i] + 40_B) = large[2 - i].value;
    }
    unsorted = freed(720_B, 1);
    top = take_top(kBrk + kBrkSize);
    end_arena(main_arena, top, kBrkSize);
  }

  void make_other() {
    write_heap(kOther, {});
    write_heap(kSecond, kOther);
    other_bit_ = kNotMainArena;
    at_ = round_up(other_arena + layout_.size(), 16_B);
    begin_arena(other_arena, main_arena);
    other_cache_ = take_cache(kPlaces);
    other_live = take((kOther + kCommitted - 32_B) - at_);
    fence = take(16_B);
    take(0_B);
    word(fence + 24_B) = kPreviousInUse;
    at_ = kSecond + 48_B;
    take(96_B);
    other_binned = take(400_B);
    put(other_arena, 25, other_binned);
    take(64_B, 0);
    other_top = take_top(kSecond + kCommitted);
    end_arena(other_arena, other_top, kCommitted * 2);
  }
  void write_heap(Address heap, Address previous) {
    word(heap) = other_arena.value;
    word(heap + 8_B) = previous.value;
    word(heap + 16_B) = word(heap + 24_B) = kCommitted.value;
    word(heap + 32_B) = 4096;
  }

  void make_threads() {
    word(kMmapped + 8_B) = (12_KiB - (is_new_ ? 16_B : 0_B)).value | kIsMmapped;
    word(kTls[0] + 0x100_B) = (cache + kHeader).value;
    word(kTls[0] + 0x108_B) = main_arena.value;
    word(kTls[1] + 0x100_B) = (other_cache_ + kHeader).value;
    word(kTls[1] + 0x108_B) = other_arena.value;
    for (int i = 0; i < 2; ++i) {
      Stack stack;
      stack.tid = 100 + i;
      stack.thread_block = range_of(kTls[i], 0x200_B);
      space.stacks.push_back(stack);
      Thread thread;
      thread.tid = stack.tid;
      space.threads.push_back(thread);
    }
  }

  void make_parameters() {
    const std::size_t base = is_new_ ? 13 : 12, counts = is_new_ ? 17 : 15;
    const auto set = [&](std::size_t index, std::uint64_t value) {
      word(kStatic + 0x100_B + Bytes{index * 8}) = value;
    };
    set(0, 128 << 10), set(1, 128 << 10), set(2, 128 << 10), set(3, 8);
    const auto half = [&](std::size_t index, std::uint64_t value) {
      word(kStatic + 0x100_B + Bytes{index / 2 * 8}) |= value << index % 2 * 32;
    };
    half(counts, 1), half(counts + 1, 65536), half(counts + 2, 1);
    set(base - 2, 12 << 10), set(base - 1, 12 << 10), set(base, kBrk.value);
    set(base + 1, is_new_ ? 76 : 64), set(base + 2, 1032), set(base + 3, kPlaces);
  }

  static constexpr std::uint16_t kPlaces = 7;
  static constexpr std::uint64_t kMark = 0x9e3779b97f4a7c15;

  Layout layout_;
  bool is_new_;
  Address at_;
  std::uint64_t other_bit_ = 0;
  Address other_cache_;
};

}  // namespace strata::glibc
