// What cannot be run or traced, and that the error names the thing, the cause and the way out.

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ptrace.h>
#include <sys/stat.h>

#include <csignal>
#include <fstream>

#include "inspect/target/last_moment.h"
#include "inspect/target/refusal.h"
#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace test;

Error error_of(const std::vector<std::string>& command) {
  auto moment = LastMoment::wait_for(command);
  EXPECT_FALSE(moment);
  if (moment) return {};
  EXPECT_FALSE(moment.error().help.empty()) << to_text(moment.error());
  return moment.error();
}

bool says(const Error& error, const std::string& what) {
  return to_text(error).find(what) != std::string::npos;
}

class LastMomentRefused : public testing::Test {
 protected:
  void SetUp() override { ASSERT_NE(mkdtemp(folder_), nullptr); }
  void TearDown() override {
    unlink(file_.c_str());
    rmdir(folder_);
  }
  std::string file(const std::string& text, mode_t mode) {
    file_ = std::string(folder_) + "/program";
    std::ofstream(file_) << text;
    chmod(file_.c_str(), mode);
    return file_;
  }
  char folder_[32] = "/tmp/last-moment-XXXXXX";
  std::string file_;
};

TEST_F(LastMomentRefused, a_program_that_is_not_there) {
  const Error in_path = error_of({"no-such-program-of-strata"});
  EXPECT_EQ(in_path.cause, Cause::kNotFound);
  EXPECT_TRUE(says(in_path, "cannot run no-such-program-of-strata: no program of that name"));
  const Error by_path = error_of({"/no/such/program", "argument"});
  EXPECT_EQ(by_path.cause, Cause::kNotFound);
  EXPECT_TRUE(says(by_path, "cannot run /no/such/program: No such file")) << to_text(by_path);
}

TEST_F(LastMomentRefused, a_file_that_is_not_executable) {
  const Error error = error_of({file("exit 0\n", 0644)});
  EXPECT_EQ(error.cause, Cause::kPermission);
  EXPECT_TRUE(says(error, "Permission denied") && says(error, "chmod +x")) << to_text(error);
  EXPECT_EQ(error_of({folder_}).cause, Cause::kPermission);
}

TEST_F(LastMomentRefused, a_script_whose_interpreter_is_not_there) {
  const Error error = error_of({file("#!/no/such/shell\n", 0755)});
  EXPECT_EQ(error.cause, Cause::kNotFound);
  EXPECT_TRUE(says(error, "the interpreter")) << to_text(error);
}

TEST_F(LastMomentRefused, a_script_without_a_first_line_is_the_shells) {
  auto moment = LastMoment::wait_for({file("exit 8\n", 0755)});
  ASSERT_TRUE(moment) << to_text(moment.error());
  EXPECT_EQ(moment->finish().value_or(-1), W_EXITCODE(8, 0));
}

TEST_F(LastMomentRefused, no_command) {
  EXPECT_EQ(error_of({}).cause, Cause::kUsage);
  EXPECT_EQ(error_of({""}).cause, Cause::kUsage);
}

// Makes ptrace() fail in this process and its children, as a container's filter does.
bool forbid_ptrace() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ptrace, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  sock_fprog program{4, filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

TEST_F(LastMomentRefused, where_ptrace_is_filtered_nothing_is_run) {
  const std::string touched = file("", 0644);
  Child strata([&] {
    if (!forbid_ptrace()) _exit(77);
    auto moment = LastMoment::wait_for({"sh", "-c", "echo ran > " + touched});
    if (moment) _exit(1);
    const Error& error = moment.error();
    if (error.cause != Cause::kPermission) _exit(2);
    if (!says(error, "cannot trace sh: ptrace: Operation not permitted")) _exit(3);
    // Where Yama is set to 2 or 3 that is the reason given.
    if (!says(error, "seccomp") && !says(error, "yama")) _exit(4);
    if (waitpid(-1, nullptr, WNOHANG | __WALL) != -1) _exit(5);
    _exit(0);
  });
  const int status = strata.end();
  if (status == W_EXITCODE(77, 0)) GTEST_SKIP() << "no seccomp filters here";
  EXPECT_EQ(status, 0);
  std::ifstream text(touched);
  EXPECT_EQ(text.get(), EOF);
}

// As under `strace -f`: it has hold of the child before strata.
TEST_F(LastMomentRefused, whoever_traces_strata_with_its_children_is_named) {
  const Shared<Board> board;
  Child strata([&] {
    while (board->ready == 0) usleep(500);
    const Error error = error_of({"true"});
    const std::string tracer = "process " + std::to_string(board->tid.load());
    _exit(error.cause == Cause::kPermission && says(error, tracer + " traces it already") ? 0 : 1);
  });
  Child tracer([&] {
    board->tid = getpid();
    if (ptrace(PTRACE_SEIZE, strata.pid(), nullptr, PTRACE_O_TRACEFORK | PTRACE_O_TRACECLONE) !=
        0) {
      _exit(1);
    }
    board->ready = 1;
    int status = 0;
    for (pid_t tid; (tid = waitpid(-1, &status, __WALL)) > 0;) {
      if (!WIFSTOPPED(status)) continue;
      ptrace(PTRACE_CONT, tid, nullptr, status >> 16 == 0 ? WSTOPSIG(status) : 0);
    }
  });
  EXPECT_EQ(strata.end(), 0);
  EXPECT_EQ(tracer.end(), 0);
}

class Yama : public LastMomentRefused {
 protected:
  Error refused_under(int scope) {
    mkdir((std::string(folder_) + "/yama").c_str(), 0755);
    file_ = std::string(folder_) + "/yama/ptrace_scope";
    std::ofstream(file_) << scope << "\n";
    Error refused{Cause::kPermission, "refused", {}, {}};
    explain_by_settings(refused, Wish::kStart, folder_);
    EXPECT_FALSE(says(refused, "--freeze")) << to_text(refused);
    return refused;
  }
  void TearDown() override {
    unlink(file_.c_str());
    rmdir((std::string(folder_) + "/yama").c_str());
    rmdir(folder_);
  }
};

TEST_F(Yama, is_named_only_where_it_forbids_to_trace_ones_own_child) {
  EXPECT_TRUE(says(refused_under(3), "kernel.yama.ptrace_scope is 3"));
  EXPECT_FALSE(says(refused_under(1), "yama"));
  EXPECT_TRUE(says(refused_under(1), "seccomp"));
}

}  // namespace
}  // namespace strata
