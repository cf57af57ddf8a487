#include "inspect/ledger/beside.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <set>
#include <string_view>

namespace strata {
namespace {

// x86-64 and aarch64 give each thread 16 KiB in the kernel (THREAD_SIZE; twice that under KASAN).
constexpr Bytes kKernelStack = 16_KiB;
constexpr int kMostDescriptors = 100'000;

/// memfds that a descriptor keeps alive and no mapping here shows.
Bytes unmapped_memfds(const Target& target, const Space& space) {
  auto directory = target.open_kernel_file("fd");
  if (!directory) return {};
  DIR* const listing = fdopendir(directory->fd());
  if (listing == nullptr) return {};
  const int fd = directory->take_fd();
  std::set<std::uint64_t> seen;
  for (const Mapping& m : space.mappings) {
    if (m.name.starts_with("/memfd:")) seen.insert(m.inode);
  }
  Bytes total;
  int looked_at = 0;
  while (const dirent* entry = readdir(listing)) {
    if (entry->d_name[0] == '.' || ++looked_at > kMostDescriptors) continue;
    std::array<char, 64> link;
    const ssize_t n = readlinkat(fd, entry->d_name, link.data(), link.size());
    if (n <= 0 ||
        !std::string_view(link.data(), static_cast<std::size_t>(n)).starts_with("/memfd:")) {
      continue;
    }
    struct stat status;
    if (fstatat(fd, entry->d_name, &status, 0) != 0 || !seen.insert(status.st_ino).second) continue;
    total += 512_B * static_cast<std::uint64_t>(status.st_blocks);
  }
  closedir(listing);
  return total;
}

Bytes guards(const Space& space) {
  Bytes total;
  for (const Stack& stack : space.stacks) {
    // A guard of MADV_GUARD_INSTALL (glibc 2.42) is in a mapping with access, and in the ledger.
    const Mapping* const m = space.find_mapping(stack.guard.start);
    if (m != nullptr && (m->readable || m->writable || m->executable)) continue;
    total += stack.guard.size();
  }
  return total;
}

}  // namespace

Beside read_beside(const Target& target, const Counters& counters, const Space& space) {
  Beside beside;
  beside.page_tables = counters.page_tables;
  beside.kernel_stacks = kKernelStack * space.threads.size();
  beside.unmapped_memfds = unmapped_memfds(target, space);
  beside.guard = guards(space);
  return beside;
}

}  // namespace strata
