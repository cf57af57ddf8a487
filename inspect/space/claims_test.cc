#include "inspect/space/claims.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "inspect/target/process.h"

namespace strata {
namespace {

Range range(std::uint64_t start, std::uint64_t end) { return {Address{start}, Address{end}}; }

/// The account of one mapping, as a path, read from its line.
std::string account_of(std::string_view line) {
  Space space;
  space.mappings.push_back(parse_mapping(line).value());
  Chart chart;
  const auto claims = claim_mappings(space, TargetKind::kProcess, chart);
  EXPECT_EQ(claims.size(), 1u);
  EXPECT_EQ(claims[0].range, space.mappings[0].range);
  EXPECT_EQ(claims[0].rank, Rank::kMapping);
  std::string path;
  for (const std::string& name : chart.path(claims[0].account)) path += "/" + name;
  return path;
}

TEST(MappingClaims, SayWhatTheKernelsLineSays) {
  const std::pair<const char*, const char*> cases[] = {
      {"1000-2000 rw-p 0 00:00 0   [heap]", "/heap/brk area"},
      {"1000-2000 rw-p 0 00:00 0   [stack]", "/stacks/main/touched"},
      {"1000-2000 r-xp 0 00:00 0   [vdso]", "/code and data/[vdso]"},
      {"1000-2000 r--p 0 00:00 0   [vvar_vclock]", "/code and data/[vvar_vclock]"},
      {"1000-2000 rw-p 0 00:00 0 ", "/unexplained"},
      {"1000-2000 ---p 0 00:00 0 ", "/mapped/reserved without access"},
      {"1000-2000 rw-s 0 00:00 0 ", "/mapped/shared memory/anonymous"},
      {"1000-2000 r--p 0 08:01 7   /etc/passwd", "/mapped/files//etc/passwd"},
      {"1000-2000 r--p 0 08:01 7   /tmp/x (deleted)", "/mapped/files//tmp/x (deleted)"},
      {"1000-2000 rw-s 0 00:01 7   /memfd:pool (deleted)", "/mapped/memfd/pool"},
      {"1000-2000 rw-s 0 00:01 7   /dev/zero (deleted)",
       "/mapped/shared memory/anonymous, inode 7"},
      {"1000-2000 rw-p 0 00:05 4   /dev/zero", "/mapped/anonymous//dev/zero"},
      {"1000-2000 rw-s 0 00:01 9   /SYSV0052e2c1 (deleted)",
       "/mapped/shared memory/System V, key 0x0052e2c1, id 9"},
      {"1000-2000 r--p 0 08:01 9   /SYSVinit/rc", "/mapped/files//SYSVinit/rc"},
      {"1000-2000 rw-s 0 00:1a 9   /dev/shm/a", "/mapped/shared memory//dev/shm/a"},
      {"1000-2000 rw-s 0 00:05 9   /dev/dri/card0", "/mapped/devices//dev/dri/card0"},
      {"1000-2000 rw-s 0 00:0f 9   anon_inode:[perf_event]",
       "/mapped/devices/anon_inode:[perf_event]"},
      {"1000-2000 rw-p 0 00:00 0   [anon:glibc: malloc]", "/mapped/anonymous/glibc: malloc"},
      {"1000-2000 rw-s 0 00:00 0   [anon_shmem:x]", "/mapped/shared memory/x"},
      {"1000-2000 rw-p 0 00:00 0   [anon:", "/mapped/anonymous/"},
      {"1000-2000 rw-p 0 00:00 0   [anon:cut", "/mapped/anonymous/cut"},
      {"1000-2000 rw-s 0 00:10 9   /anon_hugepage (deleted)",
       "/mapped/huge page pool//anon_hugepage (deleted)"},
      {"1000-2000 rw-p 0 00:00 0   something", "/mapped/other/something"},
  };
  for (const auto& [line, account] : cases) EXPECT_EQ(account_of(line), account) << line;
}

TEST(MappingClaims, GiveWhoeverNamedTheMappingAsTheirEvidence) {
  Space space;
  for (const char* const line :
       {"1000-2000 r--p 0 00:00 7   /lib/a.so", "3000-4000 rw-p 0 00:00 0   [stack]",
        "5000-6000 --xp 0 00:00 0   [vsyscall]", "7000-8000 ---p 0 00:00 0 ",
        "9000-a000 rw-p 0 00:00 0 "}) {
    space.mappings.push_back(parse_mapping(line).value());
  }
  Chart chart;
  const auto core = claim_mappings(space, TargetKind::kCore, chart);
  EXPECT_EQ(chart.sentence(core[0].evidence), "its path in the core's note NT_FILE");
  EXPECT_NE(chart.sentence(core[1].evidence).find("auxiliary vector"), std::string::npos);
  for (const Claim& c : core) {
    EXPECT_EQ(chart.sentence(c.evidence).find("/proc"), std::string::npos);
  }
  const auto live = claim_mappings(space, TargetKind::kProcess, chart);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(chart.sentence(live[i].evidence), "its name in /proc/PID/maps");
  }
  EXPECT_EQ(chart.sentence(live[3].evidence), "no access (PROT_NONE)");
  EXPECT_EQ(live[4].evidence, EvidenceId::kNone);
}

TEST(MappingClaims, OfAModulesFileAreItsPadding) {
  Space space;
  space.mappings.push_back(parse_mapping("1000-3000 r--p 0 08:01 7 /lib/a.so").value());
  space.mappings.push_back(parse_mapping("9000-a000 r--p 0 08:01 7 /lib/a.so").value());
  Module module;
  module.path = "/lib/a.so";
  module.name = "a.so";
  module.range = range(0x1000, 0x3000);
  module.segments.push_back({range(0x1000, 0x2345), true, false, false});
  space.modules.push_back(module);
  Chart chart;
  const auto claims = claim_mappings(space, TargetKind::kProcess, chart);
  EXPECT_EQ(chart.path(claims[0].account),
            (std::vector<std::string>{"code and data", "a.so", "padding"}));
  // The same file mapped again elsewhere is read as data.
  EXPECT_EQ(chart.path(claims[1].account),
            (std::vector<std::string>{"mapped", "files", "/lib/a.so"}));
}

Module module_of(std::string path, std::uint64_t start) {
  Module m;
  m.path = std::move(path);
  m.name = m.path.substr(m.path.rfind('/') + 1);
  m.range = range(start, start + 0x3000);
  m.segments = {{range(start, start + 0x1800), true, false, true},
                {range(start + 0x2010, start + 0x2900), true, true, false}};
  m.sections = {{range(start + 0x100, start + 0x1700), ".text"},
                {range(start + 0x2010, start + 0x2900), ".data"},
                {range(start + 0x8000, start + 0x8100), ".elsewhere"}};
  return m;
}

TEST(ModuleClaims, CoverEachSegmentToWholePagesAndItsSectionsExactly) {
  Space space;
  space.modules = {module_of("/lib/a.so", 0x10000)};
  Chart chart;
  std::map<std::string, Range> by_path;
  for (const Claim& c : claim_modules(space, chart)) {
    std::string path;
    for (const std::string& name : chart.path(c.account)) path += "/" + name;
    by_path[path + " " + std::to_string(static_cast<int>(c.rank))] = c.range;
    EXPECT_FALSE(c.range.empty());
    EXPECT_NE(path.find("/code and data/a.so/"), std::string::npos);
  }
  const auto at = [&](const char* path, Rank rank) {
    const auto found = by_path.find("/code and data/a.so/" + std::string(path) + " " +
                                    std::to_string(static_cast<int>(rank)));
    return found == by_path.end() ? Range{} : found->second;
  };
  EXPECT_EQ(at("code r-x/.text", Rank::kSection), range(0x10100, 0x11700));
  EXPECT_EQ(at("data rw-/.data", Rank::kSection), range(0x12010, 0x12900));
  EXPECT_EQ(at("code r-x/headers and padding", Rank::kSegment), range(0x10000, 0x11800));
  EXPECT_EQ(at("padding", Rank::kOwner), range(0x12000, 0x13000));  // the last one's
  for (const auto& [path, r] : by_path) EXPECT_EQ(path.find("elsewhere"), std::string::npos);
}

TEST(ModuleClaims, ModulesOfOneNameKeepTheirPaddingByPathToo) {
  Space space;
  space.modules = {module_of("/lib/a.so", 0x10000), module_of("/opt/a.so", 0x20000),
                   module_of("/lib/b.so", 0x30000)};
  for (const Module& m : space.modules) {
    Mapping mapping = parse_mapping("1000-2000 r--p 0 08:01 7 " + m.path).value();
    mapping.range = range(m.range.start.value, m.range.start.value + 0x2000);
    space.mappings.push_back(mapping);
  }
  Chart chart;
  std::map<std::string, int> accounts;
  for (const Claim& c : claim_modules(space, chart)) ++accounts[chart.path(c.account)[1]];
  EXPECT_EQ(accounts.size(), 3u);
  EXPECT_TRUE(accounts.contains("/lib/a.so") && accounts.contains("b.so"));
  for (const Claim& c : claim_mappings(space, TargetKind::kProcess, chart)) {
    EXPECT_TRUE(accounts.contains(chart.path(c.account)[1])) << chart.path(c.account)[1];
  }
}

TEST(StackClaims, SplitAStackAtItsPointer) {
  Space space;
  Stack stack;
  stack.tid = 7;
  stack.thread_name = "worker";
  stack.guard = range(0x1000, 0x2000);
  stack.range = range(0x2000, 0x9000);
  stack.stack_pointer = Address{0x8000};
  stack.thread_block = range(0x8f00, 0x9000);
  stack.evidence = "found";
  space.stacks.push_back(stack);
  Chart chart;
  std::map<std::string, Range> by_name;
  for (const Claim& c : claim_stacks(space, chart)) {
    by_name[chart.name(c.account)] = c.range;
    EXPECT_EQ(chart.name(chart.parent(c.account)), "worker (7)");
    EXPECT_EQ(chart.sentence(c.evidence),
              c.rank == Rank::kThreadBlock ? "thread 7's descriptor is in it" : "found");
  }
  // The 128 bytes below the pointer are the function's to use.
  EXPECT_EQ(by_name.at("below the stack pointer"), range(0x2000, 0x8000 - 128));
  EXPECT_EQ(by_name.at("used"), range(0x8000 - 128, 0x9000));
  EXPECT_EQ(by_name.at("thread-local storage"), range(0x8f00, 0x9000));
  EXPECT_EQ(by_name.at("guard"), range(0x1000, 0x2000));
  EXPECT_EQ(by_name.at("touched"), range(0x2000, 0x9000));
}

TEST(StackClaims, KeepWithinTheStackWhereThePointerIsAtItsVeryStart) {
  Space space;
  Stack stack;
  stack.is_main = true;
  stack.range = range(0x2000, 0x9000);
  stack.stack_pointer = Address{0x2010};
  space.stacks.push_back(stack);
  Chart chart;
  for (const Claim& c : claim_stacks(space, chart)) {
    EXPECT_TRUE(stack.range.contains(c.range));
    EXPECT_EQ(chart.path(c.account)[1], "main");
  }
  space.stacks[0].stack_pointer.reset();
  ASSERT_EQ(claim_stacks(space, chart).size(), 1u);
}

/// A process of our own making: `pages` anonymous pages as a module's data, and mappings beside it.
class OwnMemory {
 public:
  explicit OwnMemory(std::size_t size, int flags = 0)
      : size_(size),
        at_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1,
                 0)) {}
  ~OwnMemory() {
    if (at_ != MAP_FAILED) munmap(at_, size_);
  }
  OwnMemory(const OwnMemory&) = delete;
  bool mapped() const { return at_ != MAP_FAILED; }
  std::uint64_t* words() const { return static_cast<std::uint64_t*>(at_); }
  Range range() const {
    return range_of(Address{reinterpret_cast<std::uint64_t>(at_)}, Bytes{size_});
  }

 private:
  std::size_t size_;
  void* at_;
};

Mapping anonymous(Range r) {
  Mapping m;
  m.range = r;
  m.readable = m.writable = true;
  return m;
}

class OwnerClaims : public testing::Test {
 protected:
  OwnerClaims() {
    process_ = Process::open(getpid()).value();
    means_ = probe_means().value();
    scanner_.emplace(PageScanner::open(*process_, means_).value());
  }

  std::string owner_of(Range orphan, Range data) {
    Space space;
    space.mappings = {anonymous(orphan)};
    Module module;
    module.name = "lib.so";
    module.range = data;
    module.segments.push_back({data, true, true, false});
    space.modules.push_back(module);
    Chart chart;
    const PresentMemory memory(*process_, &*scanner_);
    const auto claims = claim_by_owner(space, memory, {}, chart).claims;
    if (claims.empty()) return "";
    EXPECT_EQ(claims.size(), 1u);
    EXPECT_EQ(claims[0].range, orphan);
    evidence_ = chart.sentence(claims[0].evidence);
    return chart.name(claims[0].account);
  }

  std::unique_ptr<Process> process_;
  Means means_;
  std::optional<PageScanner> scanner_;
  std::string evidence_;
};

TEST_F(OwnerClaims, FollowAPointerFromAModulesData) {
  const OwnMemory orphan(1 << 16), gap(1 << 16), data(1 << 16);
  EXPECT_EQ(owner_of(orphan.range(), {data.range().start, data.range().start + 4_KiB}), "");
  data.words()[5] = orphan.range().start.value + 100;
  EXPECT_EQ(owner_of(orphan.range(), data.range()), "held by lib.so");
  EXPECT_TRUE(evidence_.ends_with("points into it")) << evidence_;
  data.words()[900] = orphan.range().start.value;
  EXPECT_EQ(owner_of(orphan.range(), data.range()), "held by lib.so");
  EXPECT_TRUE(evidence_.ends_with("points to its start")) << evidence_;
  EXPECT_NE(evidence_.find(fmt::format("{:#x}", data.range().start.value + 7200)),
            std::string::npos);
  data.words()[5] = data.words()[900] = orphan.range().end.value;  // one past it
  EXPECT_EQ(owner_of(orphan.range(), {data.range().start, data.range().start + 32_KiB}), "");
}

TEST_F(OwnerClaims, MissNoWordAtTheEdgeOfAWindow) {
  const OwnMemory orphan(1 << 16), gap(1 << 16), data(3 << 20);
  // All of it present, so that the first window begins where the segment does.
  std::fill(data.words(), data.words() + (3 << 20) / 8, 1);
  // Segments begin where they like; a window ends in the middle of a word then.
  for (const std::uint64_t shift : {0, 1, 4, 7}) {
    const Range segment{data.range().start + Bytes{shift}, data.range().end};
    for (std::size_t word = (1 << 17) - 2; word < (1 << 17) + 3; ++word) {
      data.words()[word] = orphan.range().start.value;
      EXPECT_EQ(owner_of(orphan.range(), segment), "held by lib.so") << shift << " " << word;
      data.words()[word] = 1;
    }
  }
}

TEST_F(OwnerClaims, FallBackToTheModuleThatAdjoins) {
  const OwnMemory both(1 << 17);
  const Address middle = both.range().start + Bytes{1 << 16};
  EXPECT_EQ(owner_of({middle, both.range().end}, {both.range().start, middle - 10_B}),
            "beside lib.so");
  EXPECT_EQ(owner_of({both.range().start, middle}, {middle, both.range().end}), "beside lib.so");
}

TEST_F(OwnerClaims, PassOverTerabytesThatWereNeverTouched) {
  if (!means_.pagemap_scan) {
    GTEST_SKIP() << "without PAGEMAP_SCAN so large a range is not looked at";
  }
  const OwnMemory vast(8ull << 40, MAP_NORESERVE), orphan(1 << 16);
  if (!vast.mapped()) GTEST_SKIP() << "8 TiB cannot be mapped here";
  vast.words()[(5ull << 40) / 8] = orphan.range().start.value;
  EXPECT_EQ(owner_of(orphan.range(), vast.range()), "held by lib.so");
}

TEST(Space, FindsWhatCoversAnAddress) {
  Space space;
  space.mappings = {anonymous(range(0x1000, 0x2000)), anonymous(range(0x2000, 0x3000)),
                    anonymous(range(0x5000, 0x6000))};
  const auto start = [&](std::uint64_t at) {
    const Mapping* const m = space.find_mapping(Address{at});
    return m == nullptr ? 0 : m->range.start.value;
  };
  EXPECT_EQ(start(0xfff), 0u);
  EXPECT_EQ(start(0x1000), 0x1000u);
  EXPECT_EQ(start(0x1fff), 0x1000u);
  EXPECT_EQ(start(0x2000), 0x2000u);
  EXPECT_EQ(start(0x3000), 0u);
  EXPECT_EQ(start(0x5fff), 0x5000u);
  EXPECT_EQ(start(~0ull), 0u);
  EXPECT_EQ(Space{}.find_mapping(Address{0x1000}), nullptr);
  EXPECT_EQ(Space{}.find_stack(Address{0x1000}), nullptr);
}

TEST(Space, OfModulesThatInterleaveTheOneWithASegmentThereIsFound) {
  Space space;
  Module outer, inner;
  outer.name = "outer";
  outer.range = range(0x10000, 0x50000);
  outer.segments = {{range(0x10000, 0x11000), true, false, false},
                    {range(0x40010, 0x4fff0), true, true, false}};
  inner.name = "inner";
  inner.range = range(0x20000, 0x30000);
  inner.segments = {{range(0x20000, 0x30000), true, false, false}};
  space.modules = {outer, inner};
  const auto name = [&](std::uint64_t at) {
    const Module* const m = space.find_module(Address{at});
    return m == nullptr ? std::string() : m->name;
  };
  EXPECT_EQ(name(0x10000), "outer");
  EXPECT_EQ(name(0x25000), "inner");
  EXPECT_EQ(name(0x40000), "outer");  // its segment's page
  EXPECT_EQ(name(0x4ffff), "outer");
  EXPECT_EQ(name(0x35000), "");  // the hole that neither fills
}

}  // namespace
}  // namespace strata
