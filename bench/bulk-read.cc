// bulk-read PID: reads the brk area of a process as fast as it can be read, by process_vm_readv()
// into one reused window of 1 MiB, and says how much that was and how long it took.
#include <sys/resource.h>
#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr std::size_t kWindow = 1 << 20;

double cpu_ms() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: bulk-read PID\n", stderr), 2;
  const pid_t pid = std::atoi(argv[1]);
  char line[512];
  std::snprintf(line, sizeof line, "/proc/%d/maps", pid);
  std::FILE* const maps = std::fopen(line, "re");
  if (maps == nullptr) return std::perror(line), 1;
  std::uint64_t start = 0, end = 0;
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    if (std::strstr(line, "[heap]") != nullptr) std::sscanf(line, "%lx-%lx", &start, &end);
  }
  std::fclose(maps);
  std::vector<char> window(kWindow);
  const double before = cpu_ms();
  const auto begun = std::chrono::steady_clock::now();
  std::uint64_t done = 0;
  for (std::uint64_t at = start; at < end; at += kWindow) {
    const iovec here{window.data(), kWindow};
    iovec there{};
    const std::uint64_t size = end - at < kWindow ? end - at : kWindow;
    there.iov_len = size;
    std::memcpy(static_cast<void*>(&there.iov_base), &at, sizeof at);
    const ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (got <= 0) return std::perror("process_vm_readv"), 1;
    done += static_cast<std::uint64_t>(got);
  }
  const std::chrono::duration<double, std::milli> wall = std::chrono::steady_clock::now() - begun;
  std::printf("%lu bytes, %.1f ms of CPU, %.1f ms\n", done, cpu_ms() - before, wall.count());
}
