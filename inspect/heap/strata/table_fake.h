// inspect/heap/strata/table_fake.h - for tests and fuzzers: a small heap of the Strata malloc's,
// whole and sound, in a target that is memory alone, so that any word of it can be made another.
//
//     library   [table][frontiers][class sizes]         static data of a module
//     all       [8 small units|4 medium units|64 pages|states, spans, entries …|2 arenas]
//
// Small units: mixed blocks of 48, live ones of 16, one of no span, blocks of 48 that are all free.
// Medium units: blocks of 4096, live and cached. Pages: a live run, a free one, a moved one. With
// add_heap() the blocks of 16 and the moved run are a named heap's, whose list of records begins
// with a destroyed one.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "inspect/heap/glibc/heap_fake.h"
#include "inspect/heap/heap_readers_list.h"
#include "inspect/heap/strata/heap_scan.h"

namespace strata::strata_malloc {

class TableFake {
 public:
  static constexpr Address kStatic{0x5000'0000};
  static constexpr Bytes kStaticSize = 8_KiB;
  static constexpr Address kTable{0x5000'0100};
  static constexpr Address kFrontiers{0x5000'0800};
  static constexpr Address kClasses{0x5000'0900};
  static constexpr Address kArenas{0x5000'0a00};
  static constexpr Address kOptions{0x5000'0b00};
  static constexpr Address kAll{0x7000'0000'0000};
  static constexpr Address kMedium = kAll + 128_KiB;
  static constexpr Address kRuns = kMedium + 1_MiB;
  static constexpr Address kStates = kRuns + 256_KiB;
  static constexpr Address kSpans = kStates + 8_KiB;
  static constexpr Address kUnitBits = kSpans + 4_KiB;  // dirty and clean, small and medium
  static constexpr Address kMediumStates = kSpans + 8_KiB;
  static constexpr Address kMediumSpans = kMediumStates + 8_KiB;
  static constexpr Address kEntries = kMediumSpans + 4_KiB;
  static constexpr Address kDirty = kEntries + 4_KiB;
  static constexpr Address kMetadata = kDirty + 4_KiB;
  static constexpr Address kEnd = kMetadata + 8_KiB;
  static constexpr Address kHeaps{0x5000'0a08};
  static constexpr Address kHeap = kMetadata + 1_KiB, kDestroyed = kMetadata + 2_KiB;
  static constexpr std::uint32_t kNext = 0, kNumber = 8, kLimit = 16, kPeak = 24, kRefused = 32,
                                 kName = 40, kNameBytes = 32, kArena = 128;

  TableFake() {
    map(kStatic, kStaticSize, "libstrata-malloc.so");
    Mapping blocks;
    blocks.range = {kAll, kStates};
    blocks.readable = blocks.writable = true;
    space.mappings.push_back(blocks);
    map(kStates, kEnd - kStates, "");
    Module module;
    module.path = module.name = "libstrata-malloc.so";
    module.range = range_of(kStatic, kStaticSize);
    module.segments.push_back({module.range, true, true, false});
    space.modules.push_back(module);
    describe();
    fill();
  }

  void add_heap() {
    layout.heaps = kHeaps.value;
    layout.heap_next = kNext;
    layout.heap_arena = kArena;
    layout.heap_name = kName;
    layout.heap_name_bytes = kNameBytes;
    layout.heap_number = kNumber;
    layout.heap_limit = kLimit;
    layout.heap_peak = kPeak;
    layout.heap_refused = kRefused;
    layout.entry_owner = 14;
    put_layout();
    put(kHeaps, kDestroyed.value);
    put(kDestroyed + Bytes{kNext}, kHeap.value);
    put(kDestroyed + Bytes{kNumber}, std::uint16_t{2});
    put(kHeap + Bytes{kNumber}, std::uint16_t{1});
    put(kHeap + Bytes{kLimit}, std::uint64_t{1} << 20);
    put(kHeap + Bytes{kPeak}, std::uint64_t{123456});
    put(kHeap + Bytes{kRefused}, std::uint64_t{7});
    put(kHeap + Bytes{kName}, "a heap", 6);
    put(kSpans + 64_B, (kHeap + Bytes{kArena}).value);
    // 1000 live, 20 on shelves, 4 free in their span.
    for (std::uint64_t i = 0; i < 1024; ++i) {
      put(kStates + Bytes{1024 + i}, static_cast<std::uint8_t>(i < 1000   ? 0x41
                                                               : i < 1020 ? 0x81
                                                                          : 0xc1));
    }
    put(kSpans + 64_B + 36_B, std::uint32_t{4});
    put(kEntries + Bytes{10 * 16 + 14}, std::uint16_t{1});
    // The first two arenas stand behind it in the list of all.
    put(kArenas, (kHeap + Bytes{kArena}).value);
    put(kHeap + Bytes{kArena} + 16_B, kMetadata.value + 512);
  }

  glibc::MemoryFake memory;
  Space space;
  abi::MallocLayout layout{};

  /// What was changed in `layout` becomes the target's.
  void put_layout() { put(kTable, &layout, sizeof layout); }
  void put(Address at, const void* from, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) byte(at + Bytes{i}) = static_cast<const char*>(from)[i];
  }
  template <class T>
  void put(Address at, T value) {
    put(at, &value, sizeof value);
  }
  char& byte(Address at) {
    const auto part = std::prev(memory.parts.upper_bound(at));
    return reinterpret_cast<char*>(part->second.data())[(at - part->first).value];
  }

 private:
  void map(Address start, Bytes size, std::string name) {
    memory.parts[start] = std::vector<std::uint64_t>(size.value / 8);
    Mapping mapping;
    mapping.range = range_of(start, size);
    mapping.readable = mapping.writable = true;
    mapping.inode = name.empty() ? 0 : 7;
    mapping.name = std::move(name);
    space.mappings.push_back(std::move(mapping));
  }

  void describe() {
    std::memcpy(layout.magic, abi::kMallocMagic, sizeof layout.magic);
    layout.version = abi::kMallocVersion;
    layout.bytes = sizeof layout;
    layout.small = {kAll.value, (128_KiB).value, kStates.value, kSpans.value, kFrontiers.value, 14,
                    4};
    layout.medium = {kMedium.value,
                     (1_MiB).value,
                     kMediumStates.value,
                     kMediumSpans.value,
                     kFrontiers.value + 4,
                     18,
                     7};
    layout.pages = {kRuns.value, (256_KiB).value, kEntries.value, kDirty.value,
                    kFrontiers.value + 8};
    layout.metadata = kMetadata.value;
    layout.metadata_bytes = (8_KiB).value;
    layout.all = kAll.value;
    layout.all_bytes = (kEnd - kAll).value;
    layout.class_sizes = kClasses.value;
    layout.classes = 5;
    layout.page_size = 4096;
    layout.arenas = kArenas.value;
    layout.arena_next = 16;
    layout.span_size = 64;
    layout.span_owner = 0;
    layout.span_class = 33;
    layout.span_free = 36;
    layout.span_carved = 40;
    layout.span_purged = 48;
    layout.entry_size = 16;
    layout.entry_pages = 0;
    layout.entry_use = 12;
    layout.own = kFrontiers.value;
    layout.own_bytes = 256;
    layout.small_dirty = kUnitBits.value;
    layout.small_clean = kUnitBits.value + 64;
    layout.medium_dirty = kUnitBits.value + 128;
    layout.medium_clean = kUnitBits.value + 192;
    layout.background = kOptions.value;
    layout.decay = kOptions.value + 8;
    layout.arena_idle = 24;
    layout.arena_thread = 28;
    put_layout();
    put(kOptions, std::uint64_t{1});
    put(kOptions + 8_B, std::uint64_t{4000});
    const std::uint16_t sizes[] = {0, 16, 48, 640, 4096};
    put(kClasses, sizes, sizeof sizes);
    put(kFrontiers, std::uint32_t{4});
    put(kFrontiers + 4_B, std::uint32_t{1});
    put(kFrontiers + 8_B, std::uint32_t{20});
    put(kArenas, kMetadata.value + 512);
    put(kMetadata + 512_B + 16_B, kMetadata.value);
    put(kMetadata + 28_B, std::uint32_t{4242});
    put(kMetadata + 512_B + 24_B, char(1));
    put(kMetadata + 512_B + 28_B, std::uint32_t{4243});
  }

  void span(Address at, Address owner, std::uint8_t size_class, std::uint32_t free,
            std::uint32_t carved) {
    put(at, owner.value);
    put(at + 33_B, size_class);
    put(at + 36_B, free);
    put(at + 40_B, carved);
  }

  void fill() {
    const auto live = [](std::uint8_t c) { return c; };
    const auto free = [](std::uint8_t c) { return static_cast<std::uint8_t>(c | 0xc0); };
    const auto cached = [](std::uint8_t c) { return static_cast<std::uint8_t>(c | 0x80); };
    // 300 of 341 blocks of 48 are cut: 200 live, 90 free, 10 cached.
    span(kSpans, kMetadata, 2, 90, 300);
    for (std::uint64_t i = 0; i < 300; ++i) {
      put(kStates + Bytes{i * 3}, i < 200 ? live(2) : i < 290 ? free(2) : cached(2));
    }
    span(kSpans + 64_B, kMetadata + 512_B, 1, 0, 1024);
    for (std::uint64_t i = 0; i < 1024; ++i) put(kStates + Bytes{1024 + i}, live(1));
    span(kSpans + 128_B, Address{}, 1, 0, 1024);
    put(kUnitBits, std::uint64_t{1} << 2);
    span(kSpans + 192_B, kMetadata, 2, 341, 341);
    for (std::uint64_t i = 0; i < 341; ++i) put(kStates + Bytes{3072 + i * 3}, free(2));
    span(kMediumSpans, kMetadata, 4, 0, 64);
    for (std::uint64_t i = 0; i < 64; ++i) {
      put(kMediumStates + Bytes{i * 32}, i % 4 == 0 ? cached(4) : live(4));
    }
    run(1, 5, abi::RunUse::kLive);
    run(6, 4, abi::RunUse::kFree);
    run(9, 4, abi::RunUse::kFree);  // its last page
    run(10, 10, abi::RunUse::kMoved);
    put(kDirty, std::uint64_t{3} << 6);
  }
  void run(std::uint64_t page, std::uint32_t pages, abi::RunUse use) {
    put(kEntries + Bytes{page * 16}, pages);
    put(kEntries + Bytes{page * 16 + 12}, use);
  }
};

}  // namespace strata::strata_malloc
