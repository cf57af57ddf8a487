// bench/kernel-reads.cc - the limit of a command that reads a process: the same calls of the kernel
// as the command makes, and nothing done with what comes back.
//   kernel-reads note FILE COMMAND...   runs COMMAND and notes each call by which it looks
//   kernel-reads make FILE              makes these calls again
// A call that looks opens, lists, reads or asks: openat, read, pread64, getdents64, readlinkat,
// newfstatat, access, close, and the two ioctl(2) of /proc/PID/{pagemap,maps}. What strata does for
// itself (memory, its output) is not noted.
// Output  none; what it costs is measured from outside, as for every other command (compare.cc).
// Source  ptrace(2): PTRACE_GET_SYSCALL_INFO.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <vector>

#include "inspect/target/kernel_abi.h"

namespace {

namespace abi = strata::abi;

/// One call, as it is kept in FILE; plain, so that reading it costs next to nothing.
struct Call {
  std::uint64_t number;
  std::array<std::uint64_t, 6> arguments;
  std::int64_t result;  // the descriptor, where it opened one
  std::array<char, 96> path;
  abi::PagemapScan scan;
  abi::ProcmapQuery query;
};

/// Which argument is a path; -1: none.
int path_argument(std::uint64_t number) {
  switch (number) {
    case SYS_access:
      return 0;
    case SYS_openat:
    case SYS_readlinkat:
    case SYS_faccessat:
    case SYS_newfstatat:
      return 1;
    default:
      return -1;
  }
}

bool looks(const Call& call) {
  constexpr std::uint64_t kWithoutPath[] = {SYS_read, SYS_pread64, SYS_getdents64, SYS_close};
  if (path_argument(call.number) >= 0) return true;
  if (call.number == SYS_ioctl) {
    return call.arguments[1] == abi::kPagemapScan || call.arguments[1] == abi::kProcmapQuery;
  }
  return std::find(std::begin(kWithoutPath), std::end(kWithoutPath), call.number) !=
         std::end(kWithoutPath);
}

// Noting.

void copy_from(pid_t child, std::uint64_t from, void* to, std::size_t size) {
  const iovec here{to, size};
  // Up to the end of its page first: a path may lie right before memory that is not there.
  const std::size_t first = std::min<std::size_t>(size, 4096 - from % 4096);
  // NOLINTNEXTLINE(performance-no-int-to-ptr): an address in the other process.
  const auto place = [](std::uint64_t address) { return reinterpret_cast<void*>(address); };
  const iovec there[] = {{place(from), first}, {place(from + first), size - first}};
  process_vm_readv(child, &here, 1, there, 2, 0);
}

Call call_at_entry(pid_t child, const __ptrace_syscall_info& at) {
  Call call{};
  call.number = at.entry.nr;
  std::copy(std::begin(at.entry.args), std::end(at.entry.args), call.arguments.begin());
  if (!looks(call)) return call;
  if (const int path = path_argument(call.number); path >= 0) {
    copy_from(child, at.entry.args[path], call.path.data(), call.path.size() - 1);
  }
  if (call.number == SYS_ioctl && call.arguments[1] == abi::kPagemapScan) {
    copy_from(child, at.entry.args[2], &call.scan, sizeof(call.scan));
  } else if (call.number == SYS_ioctl) {
    copy_from(child, at.entry.args[2], &call.query, sizeof(call.query));
  }
  return call;
}

int note(const char* file, char** command) {
  std::FILE* out = std::fopen(file, "we");
  if (out == nullptr) return std::perror(file), 1;
  const pid_t child = fork();
  if (child == 0) {
    const int nothing = open("/dev/null", O_WRONLY);
    if (nothing < 0 || dup2(nothing, STDOUT_FILENO) < 0) _exit(127);
    close(nothing);
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    execvp(command[0], command);
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
    std::fclose(out);
    return 1;
  }
  ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
  Call call{};
  while (ptrace(PTRACE_SYSCALL, child, nullptr, nullptr) == 0 &&
         waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
    __ptrace_syscall_info at{};
    if (WSTOPSIG(status) != (SIGTRAP | 0x80) ||
        ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(at), &at) <= 0) {
      continue;
    }
    if (at.op == PTRACE_SYSCALL_INFO_ENTRY) {
      call = call_at_entry(child, at);
    } else if (at.op == PTRACE_SYSCALL_INFO_EXIT && looks(call)) {
      call.result = at.exit.rval;
      std::fwrite(&call, sizeof(call), 1, out);
    }
  }
  std::fclose(out);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}

// Making them again.

class Replay {
 public:
  void make(Call call) {
    auto& arguments = call.arguments;
    const int path = path_argument(call.number);
    if (path >= 0) arguments[path] = reinterpret_cast<std::uint64_t>(call.path.data());
    // The first argument of all but access() is a descriptor, or AT_FDCWD, which stays.
    if (call.number != SYS_access) arguments[0] = ours(arguments[0]);
    if (call.number == SYS_ioctl) {
      arguments[2] = arguments[1] == abi::kPagemapScan ? scan(call.scan) : query(call.query);
    } else if (const int buffer = path + 1; call.number != SYS_openat && call.number != SYS_close) {
      // What follows the path, or the descriptor, is where the answer goes, and for how much.
      const int at = path >= 0 ? buffer : 1;
      const bool sized = call.number != SYS_newfstatat && call.number != SYS_access;
      arguments[at] = room(sized ? arguments[at + 1] : 4096);
    }
    const long result = syscall(static_cast<long>(call.number), arguments[0], arguments[1],
                                arguments[2], arguments[3], arguments[4], arguments[5]);
    if (call.number == SYS_openat && call.result >= 0) {
      if (static_cast<std::size_t>(call.result) >= descriptors_.size()) {
        descriptors_.resize(static_cast<std::size_t>(call.result) + 1, -1);
      }
      descriptors_[static_cast<std::size_t>(call.result)] = static_cast<int>(result);
    }
  }

 private:
  std::uint64_t ours(std::uint64_t theirs) const {
    return theirs < descriptors_.size() ? static_cast<std::uint64_t>(descriptors_[theirs]) : theirs;
  }

  std::uint64_t room(std::uint64_t bytes) {
    if (bytes > room_.size()) room_.resize(bytes);
    return reinterpret_cast<std::uint64_t>(room_.data());
  }

  std::uint64_t scan(abi::PagemapScan& scan) {
    scan.vec = room(scan.vec_len * sizeof(abi::PageRegion));
    return reinterpret_cast<std::uint64_t>(&scan);
  }

  std::uint64_t query(abi::ProcmapQuery& query) {
    if (query.vma_name_size > 0) query.vma_name_addr = room(query.vma_name_size);
    query.build_id_size = 0;
    return reinterpret_cast<std::uint64_t>(&query);
  }

  std::vector<int> descriptors_;  // ours, by the command's
  std::vector<char> room_;
};

int make(const char* file) {
  std::vector<Call> calls;
  std::FILE* in = std::fopen(file, "re");
  if (in == nullptr) return std::perror(file), 1;
  for (Call call; std::fread(&call, sizeof(call), 1, in) == 1;) calls.push_back(call);
  std::fclose(in);
  Replay replay;
  for (const Call& call : calls) replay.make(call);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3 && std::strcmp(argv[1], "note") == 0) return note(argv[2], argv + 3);
  if (argc == 3 && std::strcmp(argv[1], "make") == 0) return make(argv[2]);
  std::fputs("usage: kernel-reads note FILE COMMAND... | make FILE\n", stderr);
  return 2;
}
