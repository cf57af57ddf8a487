#include "cli/preload.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "base/file.h"
#include "base/printable.h"
#include "inspect/space/elf_headers.h"

namespace strata {
namespace {

// As the kernel reads it (BINPRM_BUF_SIZE).
constexpr std::size_t kMostOfFirstLine = 256;
// Scripts whose interpreters are scripts: the kernel follows as many.
constexpr int kMostInterpreters = 5;
constexpr const char* kBlanks = " \t";

/// The interpreter that a script's first line names; empty where the file is no script.
std::string interpreter_of(const File& file) {
  std::string line(kMostOfFirstLine, '\0');
  const auto got = read_at(file, Bytes{}, std::as_writable_bytes(std::span(line)));
  line.resize(got ? got->value : 0);
  if (!line.starts_with("#!")) return {};
  line = line.substr(2, line.find('\n') - 2);
  const std::size_t start = line.find_first_not_of(kBlanks);
  if (start == std::string::npos) return {};
  return line.substr(start, line.find_first_of(kBlanks, start) - start);
}

Failure no_effect(const std::string& file, std::string_view why, std::string_view help) {
  return Failure(Error{Cause::kUnsupported,
                       fmt::format("no library can be preloaded into {}: {}", printable(file), why),
                       {},
                       std::string(help)});
}

/// Whether the kernel raises privileges for it, and the loader trusts no environment then.
bool raises_privileges(const File& file) {
  struct stat status;
  struct statvfs mounted;
  if (fstat(file.fd(), &status) != 0) return false;
  if (fstatvfs(file.fd(), &mounted) == 0 && (mounted.f_flag & ST_NOSUID) != 0) return false;
  if ((status.st_mode & S_ISUID) != 0 && status.st_uid != getuid()) return true;
  const mode_t as_group = S_ISGID | S_IXGRP;
  if ((status.st_mode & as_group) == as_group && status.st_gid != getgid()) return true;
  return getuid() != 0 && fgetxattr(file.fd(), "security.capability", nullptr, 0) > 0;
}

Result<void> check_elf(const std::string& file, const ElfSource& source) {
  auto headers = read_elf_headers(source);
  if (!headers) return {};
  if (headers->file.e_ident[EI_CLASS] == ELFCLASS32) {
    return no_effect(file, "it is a 32-bit program, and the library is of 64 bits",
                     "use a 64-bit build of it");
  }
  const auto loader = std::find_if(headers->program.begin(), headers->program.end(),
                                   [](const GElf_Phdr& p) { return p.p_type == PT_INTERP; });
  if (loader == headers->program.end()) {
    return no_effect(file, "it is a static executable, which loads no libraries",
                     "link it with -lstrata-malloc, or dynamically");
  }
  std::string name(std::min<std::uint64_t>(loader->p_filesz, PATH_MAX), '\0');
  if (!source.read(Bytes{loader->p_offset}, std::as_writable_bytes(std::span(name)),
                   "its loader")) {
    return {};
  }
  if (name.find("ld-musl") != std::string::npos) {
    return no_effect(file, "its C library is musl, and the library needs glibc's",
                     "use a build of it for glibc");
  }
  return {};
}

}  // namespace

Result<std::string> find_program(const std::string& program) {
  if (program.find('/') != std::string::npos) return program;
  const char* const path = std::getenv("PATH");
  std::string_view folders = path != nullptr ? path : "/bin:/usr/bin";
  for (bool more = true; more;) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    const std::string folder(folders.substr(0, end));
    more = end < folders.size();
    folders.remove_prefix(std::min(end + 1, folders.size()));
    const std::string file = (folder.empty() ? "." : folder) + "/" + program;
    struct stat status;
    if (stat(file.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        access(file.c_str(), X_OK) == 0) {
      return file;
    }
  }
  return Failure(
      Error{Cause::kNotFound,
            fmt::format("cannot run {}: no program of that name is in PATH", printable(program)),
            {},
            fmt::format("check the name, or give the path, as ./{}", printable(program))});
}

Result<void> check_takes_preload(const std::string& file) {
  std::string at = file;
  for (int depth = 0; depth < kMostInterpreters; ++depth) {
    struct stat status;
    // A pipe would have us wait; and what cannot be read, as with mode 711, can still be run.
    if (stat(at.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
    auto opened = open_file(AT_FDCWD, at, O_RDONLY | O_NONBLOCK);
    if (!opened) return {};
    std::string interpreter = interpreter_of(*opened);
    if (!interpreter.empty()) {
      at = std::move(interpreter);
      continue;
    }
    if (raises_privileges(*opened)) {
      return no_effect(
          at,
          "it runs with privileges of its own (set-user-ID, set-group-ID or file "
          "capabilities), and then the loader ignores LD_PRELOAD",
          "run it as the user that owns it, or list the library in /etc/ld.so.preload");
    }
    auto source = ElfSource::of_file(std::move(*opened));
    return source ? check_elf(at, *source) : Result<void>();
  }
  return {};
}

Result<void> preload(const std::string& library) {
  // The loader parts names at these, and there is no way to write them otherwise.
  if (library.find_first_of(": ") != std::string::npos) {
    return Failure(Error{Cause::kUnsupported,
                         fmt::format("LD_PRELOAD cannot name {}: its path has a space or a colon",
                                     printable(library)),
                         {},
                         "put it, or a link to it, where the path has neither"});
  }
  const char* const before = std::getenv("LD_PRELOAD");
  const std::string all = before != nullptr && *before != '\0' ? library + ":" + before : library;
  if (setenv("LD_PRELOAD", all.c_str(), 1) != 0) return fail_errno(errno, "setenv LD_PRELOAD");
  return {};
}

}  // namespace strata
