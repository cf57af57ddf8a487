#include "inspect/target/gated_program.h"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "base/printable.h"

namespace strata {
namespace {

constexpr char kGoWord = 'G';

// Strata may have other threads, so system calls only; glibc's execvp() allocates nothing either.
[[noreturn]] void wait_and_exec(int channel, int strata_end, char* const* arguments,
                                const sigset_t& signals) {
  close(strata_end);  // else the end of strata would not be seen
  char word = 0;
  ssize_t got;
  do {
    got = read(channel, &word, 1);
  } while (got < 0 && errno == EINTR);
  if (got == 1 && word == kGoWord) {
    sigprocmask(SIG_SETMASK, &signals, nullptr);
    execvp(arguments[0], arguments);
    const int error_number = errno;
    send(channel, &error_number, sizeof(error_number), MSG_NOSIGNAL);
  }
  _exit(127);
}

}  // namespace

Result<GatedProgram> GatedProgram::fork(const std::vector<std::string>& command,
                                        const sigset_t& signals) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);

  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return fail_errno(errno, "socketpair for the program to start");
  }
  File ours(ends[0]);
  const File theirs(ends[1]);
  const pid_t pid = ::fork();
  if (pid == 0) wait_and_exec(theirs.fd(), ours.fd(), arguments.data(), signals);
  if (pid < 0) return fail_errno(errno, "fork of " + printable(command[0]));
  return GatedProgram(pid, std::move(ours));
}

void GatedProgram::open_gate() { send(channel_.fd(), &kGoWord, 1, MSG_NOSIGNAL); }

std::optional<int> GatedProgram::exec_error() {
  int error_number = 0;
  const ssize_t got = recv(channel_.fd(), &error_number, sizeof(error_number), MSG_DONTWAIT);
  if (got != sizeof(error_number)) return std::nullopt;
  return error_number;
}

Error explain_exec_error(const std::string& program, int error_number) {
  const std::string shown = printable(program);
  Error error = fail_errno(error_number, "cannot run " + shown).value();
  const bool is_path = program.find('/') != std::string::npos;
  if (error_number == ENOENT && !is_path) {
    error.message = fmt::format("cannot run {}: no program of that name is in PATH", shown);
    error.help = fmt::format("check the name, or give the path, as ./{}", shown);
  } else if (error_number == ENOENT && access(program.c_str(), F_OK) == 0) {
    error.context.push_back(
        "the file is there, but the interpreter that its first line or its ELF header names is "
        "not");
    error.help = "install that interpreter, or name another before the file, as sh FILE";
  } else if (error_number == ENOENT) {
    error.help = "check the path";
  } else if (error_number == EACCES) {
    error.help = fmt::format(
        "it must be a file that may be executed (chmod +x), in folders that may be searched, on "
        "a file system mounted without noexec");
  } else if (error_number == ENOEXEC) {
    error.help = "it is no program for this machine: see `file " + shown + "`";
  }
  return error;
}

}  // namespace strata
