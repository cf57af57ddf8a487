#include "cli/open_target.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "inspect/target/test_child.h"

namespace strata {
namespace {

/// A process of a name that nobody else has.
test::Child called(const char* name) {
  return test::Child([name] {
    prctl(PR_SET_NAME, name);
    for (;;) pause();
  });
}

std::string unique_name() { return "odd-" + std::to_string(getpid()); }

bool bears(const test::Child& child, const std::string& name) {
  return test::eventually([&] { return test::read_proc(child.pid(), "comm") == name + "\n"; });
}

TEST(OpenTarget, ANumberIsAPid) {
  auto self = open_target(std::to_string(getpid()));
  ASSERT_TRUE(self) << to_text(self.error());
  EXPECT_EQ((*self)->identity().pid, getpid());
}

TEST(OpenTarget, ANameIsTheOneProcessThatBearsIt) {
  const std::string name = unique_name();
  const test::Child child = called(name.c_str());
  ASSERT_TRUE(bears(child, name));
  auto target = open_target(name);
  ASSERT_TRUE(target) << to_text(target.error());
  EXPECT_EQ((*target)->identity().pid, child.pid());
}

TEST(OpenTarget, SeveralOfOneNameAreListed) {
  const std::string name = unique_name();
  const test::Child one = called(name.c_str()), two = called(name.c_str());
  ASSERT_TRUE(bears(one, name) && bears(two, name));
  auto target = open_target(name);
  ASSERT_FALSE(target);
  EXPECT_EQ(target.error().cause, Cause::kUsage);
  const std::string text = to_text(target.error());
  EXPECT_NE(text.find("2 processes are called " + name), std::string::npos);
  EXPECT_NE(text.find(std::to_string(one.pid())), std::string::npos);
  EXPECT_NE(text.find(std::to_string(two.pid())), std::string::npos);
}

TEST(OpenTarget, WhatIsNobodyIsNotFoundWithAWayOut) {
  for (const char* text :
       {"", "nobody-is-called-this", "-5", "0", "99999999999999", "1.5", "12x", "\x1b[2J"}) {
    auto target = open_target(text);
    ASSERT_FALSE(target) << text;
    EXPECT_EQ(target.error().cause, Cause::kNotFound) << text;
    EXPECT_FALSE(target.error().help.empty());
    EXPECT_EQ(to_text(target.error()).find('\x1b'), std::string::npos);
  }
  EXPECT_FALSE(open_target("/nowhere/core"));
  EXPECT_FALSE(open_target("/proc/self/exe"));  // an ELF file, but no core
  EXPECT_FALSE(open_target("/"));
}

}  // namespace
}  // namespace strata
