// What is said of each setting of Yama, of which this machine has one or none: a directory stands
// for the kernel's settings.
#include "inspect/target/refusal.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace test;

class Refusal : public testing::Test {
 protected:
  Refusal() {
    std::string name = testing::TempDir() + "/strata_settings_XXXXXX";
    settings_ = mkdtemp(name.data());
    std::filesystem::create_directory(settings_ + "/yama");
    std::filesystem::permissions(settings_, std::filesystem::perms(0755));
  }
  ~Refusal() override { std::filesystem::remove_all(settings_); }

  void set_scope(const std::string& text) {
    std::ofstream(settings_ + "/yama/ptrace_scope") << text;
  }
  Error explain(Wish wish) const {
    Error refused{Cause::kPermission, "cannot look into process 4242", {}, {}};
    explain_by_settings(refused, wish, settings_);
    return refused;
  }

  std::string settings_;
};

/// As an ordinary user, where the test runs as root.
class AsUser {
 public:
  AsUser() : before_(geteuid()) {
    if (before_ == 0 && seteuid(65534) != 0) ADD_FAILURE() << "seteuid";
  }
  ~AsUser() {
    if (seteuid(before_) != 0) ADD_FAILURE() << "seteuid back";
  }

 private:
  uid_t before_;
};

std::string context_of(const Error& error) {
  std::string all;
  for (const std::string& line : error.context) all += line + "\n";
  return all;
}

TEST_F(Refusal, by_scope_1_is_for_strangers_only) {
  set_scope("1\n");
  const AsUser user;
  const Error trace = explain(Wish::kTrace);
  EXPECT_EQ(context_of(trace),
            "kernel.yama.ptrace_scope is 1, so only a parent or root may trace a process\n");
  EXPECT_EQ(trace.help, "run the same command with sudo, or leave out --freeze");
  const Error read = explain(Wish::kRead);
  EXPECT_EQ(context_of(read),
            "kernel.yama.ptrace_scope is 1, so only a parent or root may look into a process\n");
  EXPECT_EQ(read.help, "run the same command with sudo");
}

TEST_F(Refusal, by_scope_2_wants_a_capability) {
  set_scope("2\n");
  const AsUser user;
  EXPECT_EQ(context_of(explain(Wish::kTrace)),
            "kernel.yama.ptrace_scope is 2, so only CAP_SYS_PTRACE may trace\n");
  EXPECT_EQ(explain(Wish::kRead).help, "run the same command with sudo");
}

TEST_F(Refusal, by_scope_3_is_for_all_and_until_a_reboot) {
  set_scope("3\n");
  for (const bool as_user : {false, true}) {
    std::optional<AsUser> user;
    if (as_user) user.emplace();
    const Error trace = explain(Wish::kTrace);
    EXPECT_NE(context_of(trace).find("ptrace_scope is 3, so no process, root's neither"),
              std::string::npos)
        << context_of(trace);
    EXPECT_EQ(trace.help, "leave out --freeze; the setting can be changed by a reboot only");
    EXPECT_EQ(explain(Wish::kRead).help, "the setting can be changed by a reboot only");
  }
}

TEST_F(Refusal, without_yama_names_no_setting) {
  for (const char* text : {"0\n", "", "x\n", "-1\n"}) {
    set_scope(text);
    const AsUser user;
    EXPECT_EQ(context_of(explain(Wish::kTrace)), "") << text;
    EXPECT_NE(explain(Wish::kTrace).help.find("sudo"), std::string::npos);
  }
}

TEST_F(Refusal, of_root_is_a_containers) {
  if (geteuid() != 0) GTEST_SKIP() << "is not root";
  set_scope("1\n");
  EXPECT_EQ(context_of(explain(Wish::kTrace)), "");
  EXPECT_NE(explain(Wish::kTrace).help.find("SYS_PTRACE"), std::string::npos);
}

TEST_F(Refusal, names_the_process_its_owner_and_the_setting) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to be another user's process";
  set_scope("1\n");
  Child target([] { pause(); });
  ASSERT_TRUE(eventually([&] { return read_proc(target.pid(), "comm") == "stand-in\n"; }));
  auto tasks = open_file(AT_FDCWD, "/proc/" + std::to_string(target.pid()) + "/task",
                         O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(tasks);
  const AsUser user;
  const Error error = explain_refusal(*tasks, target.pid(), target.pid(), EPERM, settings_);
  EXPECT_EQ(error.cause, Cause::kPermission);
  EXPECT_NE(error.message.find("cannot stop process " + std::to_string(target.pid()) +
                               " (stand-in): ptrace: Operation not permitted"),
            std::string::npos)
      << error.message;
  EXPECT_EQ(context_of(error),
            "kernel.yama.ptrace_scope is 1, so only a parent or root may trace a process\n");
  EXPECT_EQ(error.help, "run the same command with sudo, or leave out --freeze");
}

}  // namespace
}  // namespace strata
