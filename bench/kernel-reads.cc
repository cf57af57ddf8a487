// bench/kernel-reads.cc - the limit of `strata explain`: the reads that it makes of the kernel for
// a process without modules, threads or heaps, and nothing done with what comes back.
//   kernel-reads PID smaps|none     explain reads smaps where its walk is not most of the cost
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "inspect/target/kernel_abi.h"

namespace {

void drain(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  static std::vector<char> buffer(1 << 16);
  while (fd >= 0 && read(fd, buffer.data(), buffer.size()) > 0) continue;
  if (fd >= 0) close(fd);
}

void scan(const std::string& path) {
  namespace abi = strata::abi;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::vector<abi::PageRegion> regions(4096);
  abi::PagemapScan arguments{};
  arguments.size = sizeof(arguments);
  arguments.end = 0x7FFFFFFFF000;
  arguments.vec = reinterpret_cast<std::uint64_t>(regions.data());
  arguments.vec_len = regions.size();
  arguments.category_anyof_mask = abi::kPageIsPresent | abi::kPageIsSwapped;
  arguments.return_mask =
      arguments.category_anyof_mask | abi::kPageIsFile | abi::kPageIsPfnZero | abi::kPageIsHuge;
  while (ioctl(fd, abi::kPagemapScan, &arguments) == static_cast<int>(regions.size())) {
    arguments.start = arguments.walk_end;
  }
  close(fd);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string directory = std::string("/proc/") + argv[1] + "/";
  // VmRSS is read before, around and after the scan.
  for (int i = 0; i < 4; ++i) drain(directory + "status");
  drain(directory + "maps");
  if (std::strcmp(argv[2], "smaps") == 0) drain(directory + "smaps");
  scan(directory + "pagemap");
  for (const char* file : {"statm", "stat"}) drain(directory + file);
}
