#include "inspect/object/roots.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace strata {
namespace {

constexpr Range range(std::uint64_t start, std::uint64_t end) {
  return {Address{start}, Address{end}};
}

Mapping mapping(Range where, std::string_view protection, std::string name = {}) {
  Mapping m;
  m.range = where;
  m.readable = protection[0] == 'r';
  m.writable = protection[1] == 'w';
  m.executable = protection[2] == 'x';
  m.shared = protection[3] == 's';
  m.inode = name.starts_with('/') ? 7 : 0;
  m.name = std::move(name);
  return m;
}

Module module(std::string name, Range text, Range data) {
  Module m;
  m.name = std::move(name);
  m.range = {text.start, data.end};
  m.segments = {{text, true, false, true}, {data, true, true, false}};
  return m;
}

bool is_root(const std::vector<RootRange>& roots, std::uint64_t address) {
  return std::any_of(roots.begin(), roots.end(),
                     [&](const RootRange& root) { return root.range.contains(Address{address}); });
}

std::string whose(const std::vector<RootRange>& roots, std::uint64_t address) {
  for (const RootRange& root : roots) {
    if (root.range.contains(Address{address})) return root.what;
  }
  return "no root";
}

void expect_by_address_and_disjoint(const std::vector<RootRange>& roots) {
  for (std::size_t i = 0; i < roots.size(); ++i) {
    EXPECT_FALSE(roots[i].range.empty());
    if (i > 0) EXPECT_LE(roots[i - 1].range.end, roots[i].range.start);
  }
}

TEST(Roots, AreDataThatWasOrCanBeWritten) {
  Space space;
  space.mappings = {
      mapping(range(0x1000, 0x2000), "r-xp", "/bin/a"),
      mapping(range(0x2000, 0x3000), "r--p", "/bin/a"),  // .rodata
      mapping(range(0x3000, 0x4000), "r--p", "/bin/a"),  // RELRO
      mapping(range(0x4000, 0x5000), "rw-p", "/bin/a"),
      mapping(range(0x5000, 0x6000), "rw-p"),
      mapping(range(0x7000, 0x8000), "r--p"),  // written, and then protected
      mapping(range(0x8000, 0x9000), "---p"),
      mapping(range(0x9000, 0xA000), "rw-s", "/dev/shm/b"),
      mapping(range(0xA000, 0xB000), "r--s", "/dev/shm/c"),
      mapping(range(0xB000, 0xC000), "r--p", "/usr/share/locale"),
      mapping(range(0xC000, 0xD000), "r--p", "[vvar]"),
      mapping(range(0xD000, 0xE000), "r-xp", "[vdso]"),
  };
  space.modules = {module("a", range(0x1000, 0x3000), range(0x3010, 0x5F00))};
  const auto roots = find_roots(space, {});
  expect_by_address_and_disjoint(roots);
  for (const std::uint64_t page : {0x3000, 0x4000, 0x5000, 0x7000, 0x9000}) {
    EXPECT_TRUE(is_root(roots, page) && is_root(roots, page + 0xFFF)) << std::hex << page;
  }
  for (const std::uint64_t page : {0x1000, 0x2000, 0x8000, 0xA000, 0xB000, 0xC000, 0xD000}) {
    EXPECT_FALSE(is_root(roots, page)) << std::hex << page;
  }
  EXPECT_EQ(whose(roots, 0x3000), "a's data");
  EXPECT_EQ(whose(roots, 0x5000), "a's data");
  EXPECT_EQ(whose(roots, 0x7000), "the anonymous mapping at 0x7000");
  EXPECT_EQ(whose(roots, 0x9000), "/dev/shm/b");
}

TEST(Roots, OfCodeThatWasMadeAtRunTimeMayStandAtAnyByte) {
  Space space;
  space.mappings = {mapping(range(0x1000, 0x2000), "rwxp"), mapping(range(0x2000, 0x3000), "r-xp"),
                    mapping(range(0x3000, 0x4000), "rw-p"),
                    mapping(range(0x4000, 0x5000), "rwxp", "/bin/a")};
  const auto roots = find_roots(space, {});
  ASSERT_EQ(roots.size(), 4u);
  EXPECT_EQ(roots[0].pointers, RootRange::Pointers::kAnywhere);
  EXPECT_EQ(roots[1].pointers, RootRange::Pointers::kAnywhere);
  EXPECT_EQ(roots[2].pointers, RootRange::Pointers::kAligned);
  EXPECT_EQ(roots[3].pointers, RootRange::Pointers::kAligned);
}

TEST(Roots, AreNotWhatTheAllocatorHas) {
  Space space;
  space.mappings = {mapping(range(0x10000, 0x20000), "rw-p", "/lib/libc.so.6"),
                    mapping(range(0x30000, 0x60000), "rw-p", "[heap]"),
                    mapping(range(0x4000000, 0x4030000), "rw-p"),
                    mapping(range(0x7000000, 0x7010000), "rw-p")};
  // Its variables in the C library's data; the program had brk first, and has some behind it.
  const std::vector<Range> own = {range(0x7004000, 0x7008000), range(0x7002000, 0x7004000),
                                  range(0x12340, 0x12bd8), range(0x32000, 0x58000),
                                  range(0x4000000, 0x4030000)};
  const auto roots = find_roots(space, own);
  expect_by_address_and_disjoint(roots);
  std::vector<Range> ranges;
  for (const RootRange& root : roots) ranges.push_back(root.range);
  EXPECT_EQ(ranges, (std::vector<Range>{range(0x10000, 0x12340), range(0x12bd8, 0x20000),
                                        range(0x30000, 0x32000), range(0x58000, 0x60000),
                                        range(0x7000000, 0x7002000), range(0x7008000, 0x7010000)}));
}

Stack stack(pid_t tid, Range where, std::optional<std::uint64_t> pointer) {
  Stack made;
  made.tid = tid;
  made.thread_name = "worker";
  made.range = where;
  if (pointer) made.stack_pointer = Address{*pointer};
  return made;
}

TEST(Roots, OfAStackAreWhatLiesAboveTheRedZone) {
  Space space;
  space.mappings = {mapping(range(0x10000, 0x20000), "rw-p"),
                    mapping(range(0x30000, 0x40000), "rw-p"),
                    mapping(range(0x50000, 0x60000), "rw-p"),
                    mapping(range(0x70000, 0x80000), "rw-p", "[stack]")};
  space.stacks = {stack(2, range(0x10000, 0x20000), 0x1F000),
                  stack(3, range(0x30000, 0x40000), std::nullopt),  // it runs, or on another stack
                  stack(4, range(0x50000, 0x60000), 0x50008),       // nearly full
                  stack(1, range(0x70000, 0x80000), 0x7FF00)};
  space.stacks[0].thread_block = range(0x1FC00, 0x20000);
  space.stacks[3].is_main = true;
  const auto roots = find_roots(space, {});
  expect_by_address_and_disjoint(roots);
  EXPECT_FALSE(is_root(roots, 0x1F000 - 129));
  EXPECT_TRUE(is_root(roots, 0x1F000 - 128));
  EXPECT_EQ(whose(roots, 0x1F000), "the stack of thread 2 (worker)");
  EXPECT_EQ(whose(roots, 0x1FC00), "thread 2's thread-local storage");
  EXPECT_TRUE(is_root(roots, 0x30000));
  EXPECT_TRUE(is_root(roots, 0x50000));
  EXPECT_FALSE(is_root(roots, 0x7FE00));
  EXPECT_EQ(whose(roots, 0x7FF00), "main's stack");
}

TEST(Roots, InAMappingThatSeveralShareAreEachUnderItsOwnersName) {
  Space space;
  space.mappings = {mapping(range(0x10000, 0x40000), "rw-p")};
  space.stacks = {stack(2, range(0x20000, 0x30000), 0x2F000)};
  const auto roots = find_roots(space, {});
  expect_by_address_and_disjoint(roots);
  EXPECT_EQ(whose(roots, 0x1FFF8), "the anonymous mapping at 0x10000");
  EXPECT_EQ(whose(roots, 0x2F000), "the stack of thread 2 (worker)");
  EXPECT_EQ(whose(roots, 0x30000), "the anonymous mapping at 0x10000");
}

TEST(Roots, OfRegistersAreAllOfEachThread) {
  Space space;
  space.threads.resize(2);
  space.threads[0].tid = 1;
  space.threads[0].name = "main";
  space.threads[0].registers = {5, 6};
  space.threads[1].tid = 2;
  space.threads[1].registers = {7};
  space.threads[1].vectors = {8, 9};
  const auto roots = find_register_roots(space, {});
  ASSERT_EQ(roots.size(), 5u);
  EXPECT_EQ(roots[1].word, 6u);
  EXPECT_EQ(roots[1].what, "a register of thread 1 (main)");
  EXPECT_EQ(roots[2].word, 7u);
  EXPECT_EQ(roots[4].word, 9u);
}

TEST(Roots, OfVectorRegistersAreNoneWhereTheCLibraryWaits) {
  Space space;
  space.threads.resize(2);
  for (pid_t tid = 1; tid <= 2; ++tid) {
    Thread& thread = space.threads[static_cast<std::size_t>(tid - 1)];
    thread.tid = tid;
    thread.registers = {5};
    thread.vectors = {static_cast<std::uint64_t>(tid) + 100};
  }
  const auto roots = find_register_roots(space, {2});
  ASSERT_EQ(roots.size(), 3u);
  EXPECT_EQ(roots[1].word, 101u);
  EXPECT_EQ(roots[2].word, 5u);
}

}  // namespace
}  // namespace strata
