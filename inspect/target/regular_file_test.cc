#include "inspect/target/regular_file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "inspect/target/test_child.h"

namespace strata {
namespace {

using namespace test;

class RegularFile : public testing::Test {
 protected:
  RegularFile() {
    std::string name = testing::TempDir() + "/strata_file_XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~RegularFile() override { std::filesystem::remove_all(directory_); }

  std::string at(const std::string& name) const { return directory_ + "/" + name; }
  /// What opening `path` says; empty where it opened.
  static std::string refusal(const std::string& path) {
    auto held = hold_file(AT_FDCWD, path);
    if (!held) return held.error().message;
    auto file = open_held(*held, path);
    return file ? "" : file.error().message;
  }

  std::string directory_;
};

TEST_F(RegularFile, is_the_only_kind_that_is_opened) {
  std::ofstream(at("file")) << "text";
  EXPECT_EQ(refusal(at("file")), "");
  EXPECT_NE(refusal(at("none")).find("No such file"), std::string::npos);
  EXPECT_NE(refusal(directory_).find("is a directory"), std::string::npos);
  // Nobody writes to it: an open() would wait.
  ASSERT_EQ(mkfifo(at("pipe").c_str(), 0600), 0);
  EXPECT_NE(refusal(at("pipe")).find("is a pipe"), std::string::npos);
  ASSERT_EQ(symlink("pipe", at("link").c_str()), 0);
  EXPECT_NE(refusal(at("link")).find("is a pipe"), std::string::npos);
  EXPECT_NE(refusal("/dev/zero").find("is a device"), std::string::npos);
  sockaddr_un address{AF_UNIX, {}};
  at("socket").copy(address.sun_path, sizeof(address.sun_path) - 1);
  const File socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_NE(refusal(at("socket")).find("socket"), std::string::npos);
}

TEST_F(RegularFile, that_was_held_is_the_one_that_is_opened) {
  std::ofstream(at("file")) << "first";
  auto held = hold_file(AT_FDCWD, at("file"));
  ASSERT_TRUE(held);
  ASSERT_EQ(unlink(at("file").c_str()), 0);
  ASSERT_EQ(mkfifo(at("file").c_str(), 0600), 0);
  auto file = open_held(*held, at("file"));
  ASSERT_TRUE(file) << to_text(file.error());
  char first = 0;
  EXPECT_EQ(read(file->fd(), &first, 1), 1);
  EXPECT_EQ(first, 'f');
}

// Without O_NONBLOCK the open would wait until the holder gives it up, 45 s by default.
TEST_F(RegularFile, with_a_lease_is_not_waited_for) {
  std::ofstream(at("file")) << "text";
  Shared<Board> board;
  const Child holder([&] {
    std::signal(SIGIO, SIG_IGN);
    const int file = open(at("file").c_str(), O_RDWR | O_CLOEXEC);
    board->ready = fcntl(file, F_SETLEASE, F_WRLCK) == 0 ? 1 : 2;
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->ready != 0; }));
  if (board->ready != 1) GTEST_SKIP() << "no leases here";
  EXPECT_NE(refusal(at("file")).find("temporarily unavailable"), std::string::npos);
}

}  // namespace
}  // namespace strata
