#include "inspect/space/owner_search.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "inspect/space/claims.h"
#include "inspect/space/image_fake.h"

namespace strata {
namespace {

Range range(std::uint64_t start, std::uint64_t end) { return {Address{start}, Address{end}}; }

/// A target whose memory is one array of words, from 0x100000 on.
class WordTarget {
 public:
  static constexpr std::uint64_t kFrom = 0x100000;
  static constexpr std::uint64_t kSize = 0x100000;

  WordTarget() {
    target_.image.resize(kSize);
    const Mapping whole = file_mapping(range(kFrom, kFrom + kSize), 0_B, "rw-");
    target_.mappings.push_back(whole);
  }
  void put(std::uint64_t at, std::uint64_t word) {
    std::memcpy(target_.image.data() + (at - kFrom), &word, sizeof(word));
  }
  PresentMemory memory() const { return {target_, nullptr}; }

 private:
  FakeTarget target_;
};

struct Asked {
  WordTarget target;
  PresentMemory memory = target.memory();
  OwnerSearch search;
  std::uint32_t data, stack;
  Bytes budget = 1_GiB;

  explicit Asked(std::vector<Range> wanted)
      : search(memory, wanted),
        data(search.add({Holder::Kind::kData, "lib.so", ""})),
        stack(search.add({Holder::Kind::kStack, "main's stack", ""})) {}
};

const Range kFirst = range(0x900000, 0x902000), kSecond = range(0x905000, 0x906000);

TEST(OwnerSearch, FindsWordsThatLeadIntoWhatIsWanted) {
  Asked a({kFirst, kSecond});
  a.target.put(0x100100, 0x900000);
  a.target.put(0x100200, 0x905abc);
  a.target.put(0x100300, 0x902000);  // one past the first
  a.target.put(0x100308, 0x8fffff);
  a.search.look_through(range(0x100000, 0x101000), a.data, a.budget);
  EXPECT_TRUE(a.search.is_done());
  EXPECT_EQ(a.search.wanted()[0].word, Address{0x100100});
  EXPECT_TRUE(a.search.wanted()[0].exact);
  EXPECT_EQ(a.search.wanted()[1].word, Address{0x100200});
  EXPECT_FALSE(a.search.wanted()[1].exact);
  EXPECT_EQ(a.search.take_news(), (std::vector<std::uint32_t>{0, 1}));
  EXPECT_TRUE(a.search.take_news().empty());
}

TEST(OwnerSearch, PrefersTheStartAmongItsKindAndElseTheFirst) {
  Asked a({kFirst});
  a.target.put(0x100100, 0x900800);
  a.target.put(0x101100, 0x900000);
  a.search.look_through(range(0x100000, 0x101000), a.data, a.budget);
  a.search.look_through(range(0x101000, 0x102000), a.stack, a.budget);
  EXPECT_EQ(a.search.wanted()[0].holder, a.data);
  EXPECT_FALSE(a.search.wanted()[0].exact);
  const std::uint32_t other = a.search.add({Holder::Kind::kData, "other.so", ""});
  a.search.look_through(range(0x101000, 0x102000), other, a.budget);
  EXPECT_EQ(a.search.wanted()[0].holder, other);
  EXPECT_TRUE(a.search.wanted()[0].exact);
  a.search.look_through(range(0x101000, 0x102000), a.data, a.budget);
  EXPECT_EQ(a.search.wanted()[0].holder, other);  // exact before
}

TEST(OwnerSearch, TakesNoWordOfARangeForAPointerToItself) {
  Asked a({range(0x100000, 0x102000), kSecond});
  a.target.put(0x100000, 0x100000);
  a.target.put(0x100008, 0x905000);
  a.search.look_through(range(0x100000, 0x102000), a.data, a.budget);
  EXPECT_EQ(a.search.wanted()[0].holder, OwnerSearch::kNobody);
  EXPECT_EQ(a.search.wanted()[1].holder, a.data);
  EXPECT_FALSE(a.search.is_done());
}

TEST(OwnerSearch, EndsWithItsBudget) {
  Asked a({kFirst});
  a.target.put(0x100000 + 8192, 0x900000);
  Bytes little = 8_KiB;
  a.search.look_through(range(0x100000, 0x180000), a.data, little);
  EXPECT_EQ(little, 0_B);
  EXPECT_EQ(a.search.bytes_read(), 8_KiB);
  EXPECT_FALSE(a.search.is_done());
  a.search.look_through(range(0x100000, 0x180000), a.data, little);
  EXPECT_EQ(a.search.bytes_read(), 8_KiB);
  a.search.look_through(range(0x100000, 0x180000), a.data, a.budget);
  EXPECT_TRUE(a.search.is_done());
}

TEST(OwnerSearch, FindsAWordOnEachSideOfAWindow) {
  for (std::uint64_t at = 0x100000 + (256 << 10) - 16; at < 0x100000 + (256 << 10) + 16; at += 8) {
    Asked a({kFirst});
    a.target.put(at, 0x900000);
    a.search.look_through(range(0x100003, 0x1ffffd), a.data, a.budget);
    EXPECT_EQ(a.search.wanted()[0].word, Address{at});
  }
}

TEST(OwnerSearch, OfSliversNothingIsExpected) {
  Asked a({range(0x900000, 0x900010)});
  EXPECT_TRUE(a.search.is_done());
  a.target.put(0x100000, 0x900008);
  a.search.look_through(range(0x100000, 0x101000), a.data, a.budget);
  EXPECT_EQ(a.search.wanted()[0].holder, a.data);
}

Mapping anonymous(Range r) { return anonymous_mapping(r); }

struct Scene {
  WordTarget target;
  Space space;
  Chart chart;
  std::vector<Claim> others;
  OwnerSurvey survey;

  /// The account's last part, and the evidence, of what is claimed at `address`.
  std::string name(std::uint64_t address) {
    for (const Claim& c : survey.claims) {
      if (c.range.contains(Address{address})) return chart.name(c.account);
    }
    return "";
  }
  std::string why(std::uint64_t address) {
    for (const Claim& c : survey.claims) {
      if (c.range.contains(Address{address})) return chart.sentence(c.evidence);
    }
    return "";
  }
  void find() {
    const PresentMemory memory = target.memory();
    survey = claim_by_owner(space, memory, others, chart);
  }
  void add_heap(Range heap) {
    others.push_back(
        {heap, chart.open({"heap", "glibc", "main arena"}), EvidenceId::kNone, Rank::kHeap});
  }
};

Stack stack_of(Range r, std::uint64_t pointer, std::string name) {
  Stack stack;
  stack.tid = 7;
  stack.is_main = name.empty();
  stack.thread_name = std::move(name);
  stack.range = r;
  if (pointer != 0) stack.stack_pointer = Address{pointer};
  return stack;
}

TEST(OwnersOfMappings, AreStacksFromTheirPointerUp) {
  Scene s;
  s.space.mappings = {anonymous(kFirst), anonymous(kSecond), anonymous(range(0x908000, 0x909000))};
  s.space.stacks = {stack_of(range(0x110000, 0x114000), 0x112000, ""),
                    stack_of(range(0x120000, 0x124000), 0x122000, "worker"),
                    stack_of(range(0x130000, 0x134000), 0, "runs")};
  s.target.put(0x112100, 0x900000);
  s.target.put(0x111000, 0x905000);  // of a call that has returned
  s.target.put(0x123000, 0x905010);
  s.target.put(0x133000, 0x908000);  // where this one's stack ends is not known
  s.find();
  EXPECT_EQ(s.name(0x900000), "held from main's stack");
  EXPECT_EQ(s.why(0x900000), "a word at 0x112100 on main's stack points to its start");
  EXPECT_EQ(s.name(0x905000), "held from threads' stacks");
  EXPECT_EQ(s.why(0x905000), "a word at 0x123000 on thread worker's stack points into it");
  EXPECT_EQ(s.name(0x908000), "");
}

TEST(OwnersOfMappings, AreHeapsAndWhatTheyHoldInTurn) {
  Scene s;
  s.space.mappings = {anonymous(range(0x140000, 0x142000)), anonymous(range(0x150000, 0x151000)),
                      anonymous(kFirst), anonymous(range(0x990000, 0x991000))};
  s.add_heap(range(0x140000, 0x142000));
  s.target.put(0x140100, 0x150000);  // a block holds a mapping
  s.target.put(0x150200, 0x900000);  // which holds another
  s.find();
  EXPECT_EQ(s.name(0x140000), "");  // the heap is none's
  EXPECT_EQ(s.name(0x150000), "held from glibc's heap");
  EXPECT_EQ(s.why(0x150000), "a word at 0x140100 in heap / glibc / main arena points to its start");
  EXPECT_EQ(s.name(0x900000), "held from glibc's heap");
  EXPECT_EQ(s.why(0x900000),
            "a word at 0x150200 in 0x150000-0x151000, which is held from glibc's heap, points to "
            "its start");
  EXPECT_EQ(s.name(0x990000), "");
}

TEST(OwnersOfMappings, AreNotAskedWhereAllIsHeld) {
  Scene s;
  s.space.mappings = {anonymous(range(0x140000, 0x1c0000)), anonymous(kFirst)};
  s.add_heap(range(0x140000, 0x1c0000));
  s.space.stacks = {stack_of(range(0x110000, 0x114000), 0x112000, "")};
  s.target.put(0x112100, 0x900000);
  s.find();
  EXPECT_EQ(s.survey.bytes_read, 8_KiB + 128_B);  // the stack alone
}

TEST(OwnersOfMappings, AreWantedForWhatOthersLeave) {
  Scene s;
  s.space.mappings = {anonymous(range(0x900000, 0x910000))};
  // A mapping that the kernel made of three: a heap's, between two of the program's own.
  s.add_heap(range(0x904000, 0x908000));
  s.space.stacks = {stack_of(range(0x110000, 0x114000), 0x112000, "")};
  s.target.put(0x112100, 0x908000);
  s.target.put(0x112108, 0x904010);  // into the heap
  s.find();
  EXPECT_EQ(s.name(0x908000), "held from main's stack");
  EXPECT_EQ(s.why(0x908000), "a word at 0x112100 on main's stack points to its start");
  EXPECT_EQ(s.name(0x904000), "");
  EXPECT_EQ(s.name(0x900000), "");
}

TEST(OwnersOfMappings, AreTheRestsOfAMappingToo) {
  Scene s;
  s.space.mappings = {anonymous(range(0x900000, 0x903000))};
  s.others.push_back({range(0x902000, 0x902c00), s.chart.open({"stacks", "main"}),
                      EvidenceId::kNone, Rank::kThreadBlock});
  s.space.stacks = {stack_of(range(0x110000, 0x114000), 0x112000, "")};
  s.find();
  EXPECT_EQ(s.name(0x902c00), "");
  s.target.put(0x112100, 0x900800);
  s.find();
  EXPECT_EQ(s.name(0x900000), "held from main's stack");
  EXPECT_EQ(s.name(0x902c00), "held from main's stack");
  EXPECT_EQ(s.why(0x902c00), "the rest of its mapping is held from main's stack");
  EXPECT_EQ(s.name(0x902000), "");
}

TEST(OwnersOfMappings, AreAlsoWhatTheyAdjoin) {
  Scene s;
  Mapping code = anonymous(range(0x902000, 0x904000));
  code.executable = true;
  s.space.mappings = {anonymous(kFirst), code, anonymous(kSecond)};
  s.space.stacks = {stack_of(range(0x110000, 0x114000), 0x112000, "")};
  s.target.put(0x112100, 0x900000);
  s.find();
  EXPECT_EQ(s.name(0x902000), "beside what main's stack holds");
  EXPECT_EQ(s.name(0x905000), "");
}

TEST(OwnersOfMappings, SayWhenHeapsWereTooLargeToBeLookedThrough) {
  Scene s;
  s.space.mappings = {anonymous(range(0x900000, 0xa00000))};
  s.add_heap(range(0x100000, 0x180000));
  s.find();
  EXPECT_TRUE(s.survey.notes.empty());
  s.add_heap(range(0x100000000, 0x101000000));  // 16 MiB
  s.find();
  ASSERT_EQ(s.survey.notes.size(), 1u);
  EXPECT_NE(s.survey.notes[0].find("who holds 1 MiB"), std::string::npos) << s.survey.notes[0];
  EXPECT_NE(s.survey.notes[0].find(" 1 MiB were looked"), std::string::npos);
}

TEST(OwnersOfMappings, AreLookedForLongerWhereThereAreMore) {
  Scene s;
  for (std::uint64_t at = 0x900000; s.space.mappings.size() < 64; at += 0x20000) {
    s.space.mappings.push_back(anonymous(range(at, at + 0x10000)));
  }
  s.add_heap(range(0x100000000, 0x101000000));
  s.find();
  ASSERT_EQ(s.survey.notes.size(), 1u);
  EXPECT_NE(s.survey.notes[0].find(" 8 MiB were looked"), std::string::npos) << s.survey.notes[0];
}

}  // namespace
}  // namespace strata
