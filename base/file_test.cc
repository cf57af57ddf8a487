#include "base/file.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

namespace strata {
namespace {

bool is_open(int fd) { return fcntl(fd, F_GETFD) >= 0; }

File memory_file(std::size_t size) {
  File file(memfd_create("file_test", MFD_CLOEXEC));
  std::string text(size, 'x');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 23);
  EXPECT_EQ(write(file.fd(), text.data(), size), static_cast<ssize_t>(size));
  return file;
}

std::string path_of(const File& file) { return "/proc/self/fd/" + std::to_string(file.fd()); }

TEST(File, ClosesWhatItOwnsAndNothingElse) {
  int fd = -1, other = -1;
  {
    File first(memfd_create("a", 0));
    fd = first.fd();
    File second = std::move(first);
    EXPECT_FALSE(first);  // NOLINT: what a moved-from File is, is part of its contract
    EXPECT_TRUE(is_open(fd));
    File third(memfd_create("b", 0));
    other = third.fd();
    third = std::move(second);
    EXPECT_EQ(third.fd(), fd);
  }
  EXPECT_FALSE(is_open(fd));
  EXPECT_FALSE(is_open(other));
  File given(memfd_create("c", 0));
  const int taken = given.take_fd();
  EXPECT_FALSE(given);
  EXPECT_TRUE(is_open(taken));
  close(taken);
}

TEST(File, OpensCloseOnExecAndNamesThePathThatFails) {
  auto file = open_file(AT_FDCWD, "/proc/self/maps", O_RDONLY);
  ASSERT_TRUE(file);
  EXPECT_EQ(fcntl(file->fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  auto missing = open_file(AT_FDCWD, "/nowhere/at/all", O_RDONLY);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().cause, Cause::kNotFound);
  EXPECT_NE(missing.error().message.find("/nowhere/at/all"), std::string::npos);
}

TEST(File, ReadsTheWholeTextWhateverItsLength) {
  for (const std::size_t size : {0, 1, 4095, 4096, 8191, 8192, 8193, 100'000}) {
    const File file = memory_file(size);
    auto text = read_text(AT_FDCWD, path_of(file));
    ASSERT_TRUE(text);
    ASSERT_EQ(text->size(), size);
    if (size > 0) EXPECT_EQ(text->back(), static_cast<char>('a' + (size - 1) % 23));
  }
  // A file of /proc, whose size stat() gives as 0.
  auto maps = read_text(AT_FDCWD, "/proc/self/maps");
  ASSERT_TRUE(maps);
  EXPECT_NE(maps->find("[stack]"), std::string::npos);
}

TEST(File, StopsAtTheLimit) {
  const File file = memory_file(50'000);
  EXPECT_TRUE(read_text(AT_FDCWD, path_of(file), Bytes{50'000}));
  auto over = read_text(AT_FDCWD, path_of(file), Bytes{49'999});
  ASSERT_FALSE(over);
  EXPECT_EQ(over.error().cause, Cause::kLimit);
  auto endless = read_text(AT_FDCWD, "/dev/zero", 1_MiB);
  ASSERT_FALSE(endless);
  EXPECT_EQ(endless.error().cause, Cause::kLimit);
  EXPECT_FALSE(read_text(AT_FDCWD, "/proc/self"));  // a directory
}

TEST(File, ReadsAtAnOffsetUpToTheEnd) {
  const File file = memory_file(1000);
  std::vector<std::byte> into(600);
  EXPECT_EQ(read_at(file, 0_B, into).value(), 600_B);
  EXPECT_EQ(read_at(file, 900_B, into).value(), 100_B);
  EXPECT_EQ(into[0], std::byte{'a' + 900 % 23});
  EXPECT_EQ(read_at(file, 1000_B, into).value(), 0_B);
  EXPECT_EQ(read_at(file, 5000_B, into).value(), 0_B);
  EXPECT_FALSE(read_at(file, Bytes{~0ull}, into));  // no offset that the kernel takes
}

}  // namespace
}  // namespace strata
