#include "inspect/target/process_text.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstring>

namespace strata {
namespace {

TEST(ProcessText, FindsTheFieldsBehindAnyName) {
  EXPECT_EQ(fields_after_comm("42 (cat) S 1 2"), "S 1 2");
  EXPECT_EQ(fields_after_comm("42 (a) R (b) Z 1"), "Z 1");
  EXPECT_EQ(fields_after_comm("42 ())) T"), "T");
  for (const char* none : {"", "42", "42 (cat", "42 (cat)", "42 (cat) "}) {
    EXPECT_EQ(fields_after_comm(none), "") << none;
  }
}

TEST(ProcessText, KnowsWhereABlockedThreadStands) {
  const auto in_call =
      parse_blocked_call("232 0x5 0x7ffd1 0x1 0xffffffff 0x0 0x0 0x7ffd5a1c2e40 0x7f3d6227af50\n");
  ASSERT_TRUE(in_call);
  EXPECT_EQ(in_call->number, 232u);
  EXPECT_EQ(in_call->first_argument, 5u);
  EXPECT_EQ(in_call->stack_pointer, Address{0x7ffd5a1c2e40});
  EXPECT_EQ(in_call->instruction_pointer, Address{0x7f3d6227af50});
  const auto in_none = parse_blocked_call("-1 0x7ffd5a1c2e40 0x401000\n");
  ASSERT_TRUE(in_none);
  EXPECT_EQ(in_none->stack_pointer, Address{0x7ffd5a1c2e40});
  EXPECT_FALSE(in_none->number);
  for (const char* nothing :
       {"running\n", "", "\n", "-1", "-1 0x1", "0x1 0x2", "232 0x5 0x1 0x2\n", "-1 0xzz 0x1",
        "-1 12 13", "-1 0x 0x", "-1 0x1 0x11111111111111111", "1 2 3 4 5 6 7 8 9 10"}) {
    EXPECT_FALSE(parse_blocked_call(nothing)) << nothing;
  }
}

TEST(ProcessText, KnowsAProcesssParentWhateverItsName) {
  const auto plain = parse_stat_head("4242 (cat) S 17 4242 1 0");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->name, "cat");
  EXPECT_EQ(plain->state, 'S');
  EXPECT_EQ(plain->parent, 17);
  const auto odd = parse_stat_head("4242 () R 1 (\n) Z 0");
  ASSERT_TRUE(odd);
  EXPECT_EQ(odd->name, ") R 1 (\n");
  EXPECT_EQ(odd->state, 'Z');
  EXPECT_EQ(odd->parent, 0);
  for (const char* none : {"", "1 (cat)", "1 (cat) S", "1 (cat) S x", "1 (cat) S -1", "1 cat) S 1",
                           ")(1 S 2", "1 (cat) S 99999999999"}) {
    EXPECT_FALSE(parse_stat_head(none)) << none;
  }
  auto own = read_text(AT_FDCWD, "/proc/self/stat");
  ASSERT_TRUE(own && parse_stat_head(*own));
  EXPECT_EQ(parse_stat_head(*own)->parent, getppid());
}

TEST(ProcessText, ListsChildrenUpToWhatIsNone) {
  EXPECT_EQ(parse_children("17 4242 3 "), (std::vector<pid_t>{17, 4242, 3}));
  EXPECT_EQ(parse_children("17\n18"), (std::vector<pid_t>{17, 18}));
  EXPECT_EQ(parse_children("17 x 18"), (std::vector<pid_t>{17}));
  for (const char* none : {"", " ", "\n", "-3", "0 1", "99999999999 1", "1x"}) {
    EXPECT_TRUE(parse_children(none).empty()) << none;
  }
}

TEST(ProcessText, TakesTheFirstNumberOfALine) {
  EXPECT_EQ(first_number("Name:\tx\nUid:\t1000\t0\t0\t0\n", "\nUid:"), 1000u);
  EXPECT_EQ(first_number("Name:\tx\nVmSize:\t    1234 kB\n", "\nVmSize:"), 1234u);
  for (const char* none : {"", "x\nUid:", "x\nUid:\t\n5", "x\nUid:\tx\n", "Uid:\t1\n"}) {
    EXPECT_FALSE(first_number(none, "\nUid:")) << none;
  }
}

TEST(ProcessText, TakesTheInnermostPid) {
  EXPECT_EQ(inner_pid("Name:\tx\nNSpid:\t4242\nNSpgid:\t1\n"), 4242);
  EXPECT_EQ(inner_pid("Name:\tx\nNSpid:\t4242\t17\t3\nNSpgid:\t1\n"), 3);
  EXPECT_EQ(inner_pid("Name:\tx\nNSpid:\t9"), 9);
  EXPECT_EQ(inner_pid("Name:\tNSpid:\t9\nPid:\t3\n"), std::nullopt);
  for (const char* none : {"", "x\nNSpid:", "x\nNSpid:\t", "x\nNSpid:\tx\n", "x\nNSpid:\t1x\n",
                           "x\nNSpid:g\t4\n", "x\nNSpid:\t-4\n", "x\nNSpid:\t99999999999\n"}) {
    EXPECT_EQ(inner_pid(none), std::nullopt) << none;
  }
  auto own = read_text(AT_FDCWD, "/proc/self/status");
  ASSERT_TRUE(own);
  EXPECT_EQ(inner_pid(*own), getpid());
  EXPECT_EQ(last_number(*own, "\nTgid:"), getpid());
  EXPECT_EQ(last_number(*own, "\nNothing:"), std::nullopt);
}

TEST(ProcessText, ReadsTheAuxiliaryVectorUpToItsEnd) {
  auto own = read_text(AT_FDCWD, "/proc/self/auxv");
  ASSERT_TRUE(own);
  const auto entries = parse_auxiliary_vector(*own);
  ASSERT_GT(entries.size(), 10u);
  for (const AuxiliaryEntry& entry : entries) {
    EXPECT_NE(entry.type, static_cast<std::uint64_t>(AT_NULL));
    // Of AT_HWCAP and some more getauxval() tells what glibc made of them.
    for (const std::uint64_t type : {AT_PAGESZ, AT_PHDR, AT_ENTRY, AT_RANDOM, AT_UID}) {
      if (entry.type == type) EXPECT_EQ(getauxval(type), entry.value) << type;
    }
  }
  EXPECT_EQ(parse_auxiliary_vector(own->substr(0, 16 * 3 + 15)).size(), 3u);
  EXPECT_TRUE(parse_auxiliary_vector(own->substr(0, 15)).empty());
  EXPECT_EQ(parse_auxiliary_vector(*own + *own).size(), entries.size());
}

}  // namespace
}  // namespace strata
