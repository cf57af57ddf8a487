#include "inspect/target/process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "inspect/target/test_child.h"

namespace strata {
namespace {

using test::Board;
using test::Child;
using test::eventually;
using test::Shared;

std::size_t page() { return page_size().value; }

Address address_of(const void* pointer) { return {reinterpret_cast<std::uint64_t>(pointer)}; }

TEST(Process, SaysWhoItIs) {
  Child child([] { pause(); });
  ASSERT_TRUE(eventually([&] { return test::read_proc(child.pid(), "comm") == "stand-in\n"; }));
  auto process = Process::open(child.pid());
  ASSERT_TRUE(process) << to_text(process.error());
  const Identity& who = (*process)->identity();
  EXPECT_EQ(who.kind, TargetKind::kProcess);
  EXPECT_EQ(who.pid, child.pid());
  EXPECT_EQ(who.name, "stand-in");
  EXPECT_EQ(who.origin, "process " + std::to_string(child.pid()));
  EXPECT_NE(who.executable.find("strata_inspect_target_test"), std::string::npos);
  EXPECT_EQ(who.command_line.find('\0'), std::string::npos);
}

TEST(Process, RefusesWhatHasNoMemory) {
  auto kernel_thread = Process::open(2);
  if (test::read_proc(2, "status").find("Kthread:\t1") != std::string::npos) {
    ASSERT_FALSE(kernel_thread);
    EXPECT_EQ(kernel_thread.error().cause, Cause::kUnsupported);
  }
  Child zombie([] {});
  ASSERT_TRUE(eventually([&] { return test::states(zombie.pid()) == "Z"; }));
  auto ended = Process::open(zombie.pid());
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().cause, Cause::kUnsupported);
  EXPECT_NE(ended.error().message.find("zombie"), std::string::npos);
  const pid_t gone = zombie.pid();
  ASSERT_EQ(zombie.end(), 0);
  auto none = Process::open(gone);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().cause, Cause::kNotFound);
  EXPECT_FALSE(none.error().help.empty());
}

TEST(Process, IsReadThroughAnotherThreadWhenItsFirstHasEnded) {
  NEEDS_NO_FOREIGN_THREAD();
  Shared<Board> board;
  Child child([&] {
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void* shared) -> void* {
          auto& b = *static_cast<Board*>(shared);
          b.tid = gettid();
          b.ready = 1;
          for (;;) pause();
        },
        &*board);
    syscall(SYS_exit, 0);  // as pthread_exit() ends, without unwinding through the test
  });
  ASSERT_TRUE(eventually([&] { return board->ready.load() == 1; }));
  ASSERT_TRUE(eventually([&] { return test::states(child.pid()).find('Z') == 0; }));
  for (const pid_t number : {child.pid(), board->tid.load()}) {
    auto process = Process::open(number);
    ASSERT_TRUE(process) << to_text(process.error());
    EXPECT_EQ((*process)->identity().pid, child.pid());
    auto mappings = (*process)->read_mappings();
    ASSERT_TRUE(mappings) << to_text(mappings.error());
    auto word = read_value<std::uint64_t>(**process, address_of(&*board));
    EXPECT_TRUE(word) << to_text(word.error());
    auto threads = (*process)->read_threads();
    ASSERT_TRUE(threads);
    EXPECT_EQ(threads->size(), 2u);
  }
}

TEST(Process, ReadsUpToTheFirstByteThatCannotBeRead) {
  const std::size_t pages = 1200, hole = 700;  // beyond one 2 MiB step
  auto* const from = static_cast<unsigned char*>(
      mmap(nullptr, pages * page(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(from, MAP_FAILED);
  for (std::size_t i = 0; i < pages * page(); ++i) {
    from[i] = static_cast<unsigned char>(i * 7 + i / 4096);
  }
  munmap(from + hole * page(), page());
  auto process = Process::open(getpid());
  ASSERT_TRUE(process);
  std::vector<std::byte> into(pages * page());
  EXPECT_EQ((*process)->read_memory(address_of(from), into).value(), Bytes{hole * page()});
  EXPECT_EQ(std::memcmp(into.data(), from, hole * page()), 0);
  // From within a page, and behind the hole.
  EXPECT_EQ((*process)
                ->read_memory(address_of(from + hole * page() - 3), std::span(into).first(9))
                .value(),
            3_B);
  const std::size_t behind = hole + 1;
  const std::size_t left = (pages - behind) * page();
  EXPECT_EQ((*process)
                ->read_memory(address_of(from + behind * page()), std::span(into).first(left))
                .value(),
            Bytes{left});
  EXPECT_EQ(std::memcmp(into.data(), from + behind * page(), left), 0);
  EXPECT_EQ((*process)->read_memory(address_of(from + hole * page()), into).value(), 0_B);
  EXPECT_EQ((*process)->read_memory(Address{0}, into).value(), 0_B);
  EXPECT_EQ((*process)->read_memory(Address{~0ull - 7}, std::span(into).first(4)).value(), 0_B);
  EXPECT_EQ((*process)->read_memory(address_of(from), {}).value(), 0_B);
  EXPECT_FALSE(read_value<std::uint64_t>(**process, address_of(from + hole * page() - 3)));
  munmap(from, pages * page());
}

TEST(Process, ReadsExclusivePagesAsAnyOther) {
  std::vector<std::byte> memory(3 << 20), read(memory.size());
  for (std::size_t i = 0; i < memory.size(); ++i) memory[i] = std::byte(i * 7 % 251);
  const Child child([] { pause(); });
  auto process = Process::open(child.pid());
  ASSERT_TRUE(process);
  auto got = (*process)->read_exclusive(address_of(memory.data()), read);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, Bytes{memory.size()});
  EXPECT_EQ(read, memory);
  // Up to the first byte that cannot be read.
  const std::size_t page = page_size().value;
  auto* const two = static_cast<std::byte*>(
      mmap(nullptr, page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(two, MAP_FAILED);
  two[0] = std::byte{9};
  munmap(two + page, page);
  auto own = Process::open(getpid());
  ASSERT_TRUE(own);
  read.resize(page * 2);
  got = (*own)->read_exclusive(address_of(two), read);
  ASSERT_TRUE(got);
  EXPECT_EQ(*got, Bytes{page});
  EXPECT_EQ(read[0], std::byte{9});
  munmap(two, page);
}

TEST(Process, IsGoneWhenItHasEnded) {
  Child child([] { pause(); });
  auto process = Process::open(child.pid());
  ASSERT_TRUE(process);
  kill(child.pid(), SIGKILL);
  child.end();
  int byte = 0;
  const auto into = std::as_writable_bytes(std::span(&byte, 1));
  EXPECT_EQ((*process)->read_memory(address_of(&byte), into).error().cause, Cause::kGone);
  EXPECT_EQ((*process)->read_mappings().error().cause, Cause::kGone);
  EXPECT_EQ((*process)->read_threads().error().cause, Cause::kGone);
  EXPECT_EQ((*process)->open_kernel_file("pagemap").error().cause, Cause::kGone);
  EXPECT_EQ((*process)->read_kernel_text("status").error().cause, Cause::kGone);
}

TEST(Process, NeverReadsWhoeverGotItsNumber) {
  auto child = std::make_unique<Child>([] { pause(); });
  const pid_t number = child->pid();
  auto process = Process::open(number);
  auto used = Process::open(number);
  ASSERT_TRUE(process && used);
  std::byte first{1};
  ASSERT_TRUE((*used)->read_memory(address_of(&first), std::span(&first, 1)));
  kill(number, SIGKILL);
  child->end();
  const pid_t forked = test::fork_as(number);
  if (forked < 0) GTEST_SKIP() << "clone3 with a chosen number: " << std::strerror(errno);
  const Child heir(forked, [] { pause(); });
  std::byte byte{1};
  const auto from = address_of(&byte);  // the heir has our memory, so this is mapped there
  for (const auto* target : {process->get(), used->get()}) {
    auto read = target->read_memory(from, std::span(&byte, 1));
    EXPECT_FALSE(read);
    if (!read) EXPECT_EQ(read.error().cause, Cause::kGone);
    EXPECT_FALSE(target->read_exclusive(from, std::span(&byte, 1)));
  }
  EXPECT_FALSE((*process)->read_mappings());
}

TEST(Process, KnowsItsThreadsAndWhereTheyAreBlocked) {
  NEEDS_NO_FOREIGN_THREAD();
  Shared<Board> board;
  Child child([&] {
    pthread_t thread;
    pthread_create(
        &thread, nullptr,
        [](void* shared) -> void* {
          auto& b = *static_cast<Board*>(shared);
          pthread_setname_np(pthread_self(), ") R 1 (\n");
          b.stack[0] = reinterpret_cast<std::uint64_t>(__builtin_frame_address(0));
          b.tid = gettid();
          b.ready = 1;
          for (;;) pause();
        },
        &*board);
    for (;;) pause();
  });
  ASSERT_TRUE(eventually([&] { return board->ready.load() == 1; }));
  ASSERT_TRUE(eventually([&] { return test::states(child.pid()) == "SS"; }));
  auto process = Process::open(child.pid());
  ASSERT_TRUE(process);
  auto threads = (*process)->read_threads();
  ASSERT_TRUE(threads);
  ASSERT_EQ(threads->size(), 2u);
  const Thread& second = (*threads)[1];
  EXPECT_EQ((*threads)[0].tid, child.pid());
  EXPECT_EQ(second.tid, board->tid.load());
  EXPECT_EQ(second.inner_tid, second.tid);
  EXPECT_EQ(second.state, 'S');
  EXPECT_TRUE(second.name.starts_with(") R 1 (")) << second.name;
  if (test::read_proc(child.pid(), "syscall").empty()) GTEST_SKIP() << "no /proc/PID/syscall";
  ASSERT_TRUE(second.stack_pointer);
  EXPECT_LE(second.stack_pointer->value, board->stack[0].load());
  EXPECT_LT(board->stack[0].load() - second.stack_pointer->value, 64u << 10);
}

TEST(Process, OpensTheVeryFileThatIsMapped) {
  char path[] = "/tmp/strata-process-test-XXXXXX";
  const File file(mkstemp(path));
  ASSERT_TRUE(file);
  const std::string content(page(), 'o');
  ASSERT_EQ(write(file.fd(), content.data(), content.size()), static_cast<ssize_t>(page()));
  void* const at = mmap(nullptr, page(), PROT_READ, MAP_PRIVATE, file.fd(), 0);
  ASSERT_NE(at, MAP_FAILED);
  auto process = Process::open(getpid());
  ASSERT_TRUE(process);
  const auto mapping = [&] {
    const auto all = (*process)->read_mappings().value();
    return *std::find_if(all.begin(), all.end(),
                         [&](const Mapping& m) { return m.range.contains(address_of(at)); });
  };
  const auto reads = [&](const Mapping& m) -> std::string {
    auto opened = (*process)->open_mapped_file(m);
    if (!opened) return opened.error().message;
    char first = 0;
    return pread(opened->fd(), &first, 1, 0) == 1 ? std::string(1, first) : "nothing";
  };
  EXPECT_EQ(reads(mapping()), "o");
  // Another file at its path is never taken for it.
  const Mapping before = mapping();
  unlink(path);
  const File other(open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600));
  ASSERT_EQ(write(other.fd(), "x", 1), 1);
  EXPECT_NE(reads(before), "x");
  const Mapping after = mapping();
  EXPECT_TRUE(after.deleted);
  EXPECT_NE(reads(after), "x");
  if (access("/proc/self/map_files", R_OK) == 0 && geteuid() == 0) EXPECT_EQ(reads(after), "o");
  unlink(path);
  munmap(at, page());
  const Mapping anonymous;
  EXPECT_EQ((*process)->open_mapped_file(anonymous).error().cause, Cause::kNotFound);
}

TEST(Process, NeverOpensWhatIsNoRegularFileForAMappedOne) {
  char directory[] = "/tmp/strata-process-test-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/mapped";
  const File file(open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600));
  ASSERT_EQ(ftruncate(file.fd(), static_cast<off_t>(page())), 0);
  void* const at = mmap(nullptr, page(), PROT_READ, MAP_PRIVATE, file.fd(), 0);
  void* const zeros = mmap(nullptr, page(), PROT_READ, MAP_PRIVATE,
                           File(open("/dev/zero", O_RDONLY | O_CLOEXEC)).fd(), 0);
  ASSERT_TRUE(at != MAP_FAILED && zeros != MAP_FAILED);
  auto process = Process::open(getpid());
  ASSERT_TRUE(process);
  const auto all = (*process)->read_mappings().value();
  const auto of = [&](const void* address) {
    return *std::find_if(all.begin(), all.end(),
                         [&](const Mapping& m) { return m.range.contains(address_of(address)); });
  };
  const auto refused = [&](const Mapping& mapping) {
    auto opened = (*process)->open_mapped_file(mapping);
    return opened ? "opened" : to_text(opened.error());
  };
  EXPECT_NE(refused(of(zeros)).find("is a device"), std::string::npos) << refused(of(zeros));
  // A FIFO that took the file's place, and one that passes for it by its inode: opening either
  // would wait for a writer.
  ASSERT_EQ(unlink(path.c_str()), 0);
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  Mapping moved = of(at);
  moved.range.end = moved.range.end + page_size();  // no such mapping, so the path must serve
  EXPECT_NE(refused(moved).find("another file"), std::string::npos) << refused(moved);
  struct stat pipe;
  ASSERT_EQ(stat(path.c_str(), &pipe), 0);
  moved.inode = pipe.st_ino;
  EXPECT_NE(refused(moved).find("is a pipe"), std::string::npos) << refused(moved);
  munmap(at, page());
  munmap(zeros, page());
  unlink(path.c_str());
  rmdir(directory);
}

TEST(FindProcesses, FindsByNameAndByProgram) {
  Child child([] { pause(); });
  ASSERT_TRUE(eventually([&] { return test::read_proc(child.pid(), "comm") == "stand-in\n"; }));
  const auto finds = [&](std::string_view name) {
    const auto matches = find_processes(name).value();
    return std::any_of(matches.begin(), matches.end(), [&](const ProcessMatch& m) {
      return m.pid == child.pid() && m.resident > 0_B;
    });
  };
  EXPECT_TRUE(finds("stand-in"));
  EXPECT_TRUE(finds("strata_inspect_target_test"));  // its program's name
  EXPECT_FALSE(finds("stand"));
  EXPECT_FALSE(finds(""));
}

}  // namespace
}  // namespace strata
