#include "inspect/target/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/printable.h"
#include "inspect/target/process_directory.h"
#include "inspect/target/process_text.h"
#include "inspect/target/refusal.h"
#include "inspect/target/regular_file.h"

namespace strata {
namespace {

std::string first_line(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

std::string read_link(int directory, const char* path) {
  std::array<char, 4096> buffer;
  const ssize_t n = readlinkat(directory, path, buffer.data(), buffer.size());
  return n > 0 ? std::string(buffer.data(), static_cast<std::size_t>(n)) : std::string();
}

std::string join_arguments(std::string arguments) {
  while (!arguments.empty() && arguments.back() == '\0') arguments.pop_back();
  std::replace(arguments.begin(), arguments.end(), '\0', ' ');
  return arguments;
}

/// Whether the thread whose `stat` this is has ended: it has no memory any more.
bool has_ended(int directory, const std::string& stat) {
  const auto text = read_text(directory, stat);
  if (!text) return true;
  const std::string_view fields = fields_after_comm(*text);
  return !fields.empty() && (fields[0] == 'Z' || fields[0] == 'X');
}

/// A leader that called pthread_exit() is a zombie while its other threads use the memory; through
/// /proc/TID of one of these, not listed but there, all of it can be read. `directory` is the
/// leader's.
std::optional<File> find_living_thread(int directory, pid_t pid) {
  const auto tids = read_numbers(directory, "task");
  if (!tids) return std::nullopt;
  for (const pid_t tid : *tids) {
    if (tid == pid || has_ended(directory, fmt::format("task/{}/stat", tid))) continue;
    auto opened = open_file(AT_FDCWD, fmt::format("/proc/{}", tid), O_RDONLY | O_DIRECTORY);
    if (!opened) continue;
    // The number may have gone to another process between the two looks.
    const auto status = read_text(opened->fd(), "status");
    if (!status || last_number(*status, "\nTgid:") != pid) continue;
    return std::move(*opened);
  }
  return std::nullopt;
}

/// Whether `path`'s last part is `name`.
bool is_called(std::string_view path, std::string_view name) {
  return path.substr(path.rfind('/') + 1) == name;
}

bool has_proc() { return access("/proc/self", F_OK) == 0; }
Failure no_proc() {
  return Failure(Error{
      Cause::kUnsupported, "no /proc is mounted here", {}, "mount it: mount -t proc proc /proc"});
}

/// Its directory was opened, so its files are there for as long as it is.
Failure unreadable(pid_t pid, Error error) {
  if (error.cause == Cause::kGone || error.cause == Cause::kNotFound) {
    return fail(Cause::kGone, "process {} ended while it was being read", pid);
  }
  return Failure(std::move(error).during(fmt::format("reading process {}", pid)));
}

}  // namespace

Result<std::unique_ptr<Process>> Process::open(pid_t pid) {
  const std::string path = fmt::format("/proc/{}", pid);
  auto directory = open_file(AT_FDCWD, path, O_RDONLY | O_DIRECTORY);
  if (!directory) {
    if (!has_proc()) return no_proc();
    if (directory.error().cause != Cause::kNotFound) return pass(directory);
    // A signal is refused only where there is somebody to get it.
    if (kill(pid, 0) != 0 && errno == EPERM) {
      return Failure(Error{Cause::kPermission,
                           fmt::format("process {} is hidden: /proc is mounted with hidepid", pid),
                           {},
                           "run the same command with sudo"});
    }
    return Failure(Error{Cause::kNotFound,
                         fmt::format("there is no process {}", pid),
                         {},
                         "find its number with `pgrep -a NAME`, or name it: strata explain NAME"});
  }
  Identity identity;
  identity.pid = pid;
  identity.origin = fmt::format("process {}", pid);
  auto comm = read_text(directory->fd(), "comm");
  if (!comm) return unreadable(pid, std::move(comm.error()));
  identity.name = first_line(std::move(*comm));

  // A kernel thread and a zombie have a directory too, but no address space.
  const auto status = read_text(directory->fd(), "status");
  if (!status) return unreadable(pid, status.error());
  const std::string shown = printable(identity.name);
  if (status->find("\nKthread:\t1") != std::string::npos) {
    return fail(Cause::kUnsupported,
                "{} ({}) is a kernel thread: it has no address space of its own", pid, shown);
  }
  // The number of another thread than the first leads to a directory too; it means its process.
  if (const auto leader = last_number(*status, "\nTgid:"); leader && *leader != pid) {
    return open(*leader);
  }
  if (has_ended(directory->fd(), "stat")) {
    auto living = find_living_thread(directory->fd(), pid);
    if (!living) {
      return fail(Cause::kUnsupported,
                  "process {} ({}) has ended and waits for its parent to take note (a zombie); "
                  "it has no memory left",
                  pid, shown);
    }
    *directory = std::move(*living);
  }
  if (auto arguments = read_text(directory->fd(), "cmdline")) {
    identity.command_line = join_arguments(std::move(*arguments));
  }
  identity.executable = read_link(directory->fd(), "exe");
  // Opened now, so that reading is const for any number of threads; where it is refused,
  // read_memory() says why.
  auto memory = open_file(directory->fd(), "mem", O_RDONLY);
  std::unique_ptr<Process> process(new Process(std::move(*directory), std::move(identity)));
  if (memory) process->memory_ = std::move(*memory);
  return process;
}

Failure Process::explained(Error error) const {
  const std::string who = fmt::format("process {} ({})", identity_.pid, printable(identity_.name));
  if (error.cause == Cause::kGone || error.cause == Cause::kNotFound) {
    if (!read_text(directory_.fd(), "stat")) {
      return fail(Cause::kGone, "{} ended while it was being read", who);
    }
  }
  if (error.cause == Cause::kPermission) {
    Error refused{Cause::kPermission, "cannot look into " + who, {error.message}, {}};
    explain_by_settings(refused, Wish::kRead);
    return Failure(std::move(refused));
  }
  return Failure(std::move(error).during("reading " + who));
}

Result<File> Process::open_kernel_file(const std::string& name) const {
  auto file = open_file(directory_.fd(), name, O_RDONLY);
  if (!file) return explained(std::move(file.error()));
  return file;
}

Result<std::string> Process::read_kernel_text(const std::string& name) const {
  auto text = read_text(directory_.fd(), name);
  if (!text) return explained(std::move(text.error()));
  return text;
}

Result<std::vector<Mapping>> Process::read_mappings() const {
  auto text = read_kernel_text("maps");
  if (!text) return pass(text);
  auto mappings = parse_mappings(*text);
  if (!mappings) return pass(mappings);
  // A process on its way out has given its memory back and keeps an empty file.
  if (mappings->empty()) return explained(Error{Cause::kGone, "it has no mappings", {}, {}});
  return mappings;
}

Result<std::vector<Thread>> Process::read_threads() const {
  auto tids = read_numbers(directory_.fd(), "task");
  if (!tids) return explained(std::move(tids.error()));
  const auto own_status = read_text(directory_.fd(), "status");
  const bool in_container = own_status && inner_pid(*own_status).value_or(0) != identity_.pid;
  std::vector<Thread> threads;
  threads.reserve(tids->size());
  for (const pid_t tid : *tids) {
    const std::string task = fmt::format("task/{}/", tid);
    auto comm = read_text(directory_.fd(), task + "comm");
    if (!comm) continue;  // it ended meanwhile
    Thread thread;
    thread.tid = thread.inner_tid = tid;
    if (in_container) {
      const auto status = read_text(directory_.fd(), task + "status");
      if (status) thread.inner_tid = inner_pid(*status).value_or(tid);
    }
    thread.name = first_line(std::move(*comm));
    if (auto stat = read_text(directory_.fd(), task + "stat")) {
      const std::string_view fields = fields_after_comm(*stat);
      if (!fields.empty()) thread.state = fields[0];
    }
    if (auto syscall = read_text(directory_.fd(), task + "syscall")) {
      if (const auto at = parse_blocked_call(*syscall)) {
        thread.stack_pointer = at->stack_pointer;
        thread.instruction_pointer = at->instruction_pointer;
      }
    }
    threads.push_back(std::move(thread));
  }
  return threads;
}

Result<std::vector<AuxiliaryEntry>> Process::read_auxiliary_vector() const {
  auto text = read_kernel_text("auxv");
  if (!text) return pass(text);
  return parse_auxiliary_vector(*text);
}

Result<Bytes> Process::read_memory(Address from, std::span<std::byte> into) const {
  // Not process_vm_readv(), which is a third faster: it pins the pages that it reads, and to be
  // pinned a page that is shared since a fork is first copied (gup_must_unshare() in Linux
  // mm/gup.c; seen on 6.18). Looking at a forked server would double its memory. Where none is
  // shared there is read_exclusive().
  if (!memory_) {
    auto refused = open_kernel_file("mem");
    if (!refused) return pass(refused);
  }
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t n = pread(memory_.fd(), into.data() + done, into.size() - done,
                            static_cast<off_t>(from.value + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;  // nothing can be read there, or the memory is gone
    done += static_cast<std::size_t>(n);
  }
  if (done < into.size() && !is_listed()) {
    return explained(Error{Cause::kGone, "its memory is gone", {}, {}});
  }
  return Bytes{done};
}

Result<Bytes> Process::read_exclusive(Address from, std::span<std::byte> into) const {
  iovec there{};
  there.iov_len = into.size();
  static_assert(sizeof there.iov_base == sizeof from.value);
  std::memcpy(static_cast<void*>(&there.iov_base), &from.value, sizeof from.value);
  const iovec here{into.data(), into.size()};
  const ssize_t n = process_vm_readv(identity_.pid, &here, 1, &there, 1, 0);
  // It reads whoever has the number: that was this process, if it is this process still.
  if (n == static_cast<ssize_t>(into.size()) && is_listed()) return Bytes{into.size()};
  return read_memory(from, into);
}

bool Process::is_listed() const { return faccessat(directory_.fd(), "comm", F_OK, 0) == 0; }

Result<File> Process::open_mapped_file(const Mapping& mapping) const {
  if (!mapping.has_file()) return fail(Cause::kNotFound, "the mapping has no file");
  // map_files leads to the file itself, deleted or not, in whatever namespace; it wants
  // CAP_CHECKPOINT_RESTORE.
  std::string reason;
  const std::string direct =
      fmt::format("map_files/{:x}-{:x}", mapping.range.start.value, mapping.range.end.value);
  const std::string by_path = "root" + mapping.name;
  for (const std::string& path : {direct, by_path}) {
    if (path == by_path && (mapping.deleted || !mapping.name.starts_with('/'))) continue;
    auto held = hold_file(directory_.fd(), path);
    if (!held) {
      if (reason.empty() || path == by_path) reason = held.error().message;
      continue;
    }
    // The device is not compared: overlayfs and btrfs show another one in maps than in stat().
    if (held->status.st_ino != mapping.inode) {
      reason = "another file stands at its path now";
      continue;
    }
    auto file = open_held(*held, mapping.name);
    if (file) return file;
    reason = file.error().message;
  }
  if (mapping.deleted) reason = "it was deleted, and only root can still reach it";
  return fail(Cause::kNotFound, "cannot open {}: {}", printable(mapping.name), reason);
}

Result<std::vector<ProcessMatch>> find_processes(std::string_view name) {
  auto pids = read_numbers(AT_FDCWD, "/proc");
  if (!has_proc()) return no_proc();
  if (!pids) return pass(pids, "looking for a process by name");
  std::vector<ProcessMatch> matches;
  for (const pid_t pid : *pids) {
    const std::string directory = fmt::format("/proc/{}/", pid);
    auto comm = read_text(AT_FDCWD, directory + "comm");
    auto arguments = read_text(AT_FDCWD, directory + "cmdline");
    if (!comm || !arguments || pid == getpid()) continue;
    const std::string_view program = std::string_view(*arguments).substr(0, arguments->find('\0'));
    ProcessMatch match{pid, first_line(*comm), join_arguments(*arguments), {}};
    if (match.command_line.empty()) continue;  // a kernel thread or a zombie
    if (match.name != name && !is_called(program, name)) continue;
    if (auto statm = read_text(AT_FDCWD, directory + "statm")) {
      const char* const resident = statm->c_str() + std::min(statm->find(' ') + 1, statm->size());
      match.resident = page_size() * std::strtoull(resident, nullptr, 10);
    }
    matches.push_back(std::move(match));
  }
  return matches;
}

}  // namespace strata
