#include "inspect/target/means.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <set>
#include <string_view>

#include "base/file.h"
#include "base/printable.h"
#include "inspect/target/kernel_abi.h"

namespace strata {
namespace {

constexpr std::array<std::string_view, 6> kWords = {"pagemap_scan", "procmap_query", "pfn",
                                                    "kpageflags",   "smaps",         "ptrace"};

Result<std::set<std::string_view>> switched_off() {
  std::set<std::string_view> off;
  const char* const value = std::getenv("STRATA_WITHOUT");
  std::string_view rest = value == nullptr ? "" : value;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(','), rest.size());
    const std::string_view word = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (word.empty()) continue;
    if (std::find(kWords.begin(), kWords.end(), word) == kWords.end()) {
      return Failure(Error{Cause::kUsage,
                           fmt::format("STRATA_WITHOUT names \"{}\", which is nothing that Strata "
                                       "can do without",
                                       printable(word)),
                           {},
                           "it takes pagemap_scan, procmap_query, pfn, kpageflags, smaps, ptrace"});
    }
    off.insert(word);
  }
  return off;
}

Address some_page() {
  static std::atomic<int> touched;  // only what was written to is sure to be there
  touched.store(1, std::memory_order_relaxed);
  return round_down(Address{reinterpret_cast<std::uint64_t>(&touched)}, page_size());
}

bool scans(const File& pagemap) {
  abi::PageRegion region{};
  abi::PagemapScan scan{};
  scan.size = sizeof(scan);
  scan.start = some_page().value;
  scan.end = (some_page() + page_size()).value;
  scan.vec = reinterpret_cast<std::uint64_t>(&region);
  scan.vec_len = 1;
  scan.category_anyof_mask = abi::kPageIsPresent;
  scan.return_mask = abi::kPageIsPresent;
  return ioctl(pagemap.fd(), abi::kPagemapScan, &scan) == 1 && region.end > region.start;
}

bool shows_frames(const File& pagemap) {
  std::uint64_t entry = 0;
  const auto offset = static_cast<off_t>(some_page().value / page_size().value * sizeof(entry));
  if (pread(pagemap.fd(), &entry, sizeof(entry), offset) != sizeof(entry)) return false;
  return (entry & abi::kPagemapFrameMask) != 0;
}

bool queries_mappings() {
  auto maps = open_file(AT_FDCWD, "/proc/self/maps", O_RDONLY);
  if (!maps) return false;
  abi::ProcmapQuery query{};
  query.size = sizeof(query);
  query.query_addr = some_page().value;
  return ioctl(maps->fd(), abi::kProcmapQuery, &query) == 0;
}

bool has_swap() {
  auto text = read_text(AT_FDCWD, "/proc/meminfo");
  constexpr std::string_view kTotal = "SwapTotal:";
  const std::size_t at = text ? text->find(kTotal) : std::string::npos;
  return at == std::string::npos ||
         std::strtoull(text->c_str() + at + kTotal.size(), nullptr, 10) > 0;
}

}  // namespace

Result<Means> probe_means() {
  auto off = switched_off();
  if (!off) return pass(off);
  const auto allowed = [&](std::string_view word) { return !off->contains(word); };
  Means means;
  const auto lacks = [&](bool has, std::string_view word, std::string_view why) {
    if (has) return;
    if (allowed(word)) {
      means.missing.push_back({word, std::string(why), Lack::By::kMachine});
    } else {
      means.missing.push_back(
          {word, fmt::format("{} is switched off by STRATA_WITHOUT", word), Lack::By::kHand});
    }
  };
  auto pagemap = open_file(AT_FDCWD, "/proc/self/pagemap", O_RDONLY);
  means.pagemap_scan = pagemap && allowed("pagemap_scan") && scans(*pagemap);
  means.frames = pagemap && allowed("pfn") && shows_frames(*pagemap);
  means.procmap_query = allowed("procmap_query") && queries_mappings();
  means.page_flags = allowed("kpageflags") && means.frames &&
                     open_file(AT_FDCWD, "/proc/kpageflags", O_RDONLY).has_value() &&
                     open_file(AT_FDCWD, "/proc/kpagecount", O_RDONLY).has_value();
  means.smaps = allowed("smaps") && access("/proc/self/smaps", R_OK) == 0;
  means.ptrace = allowed("ptrace");
  means.swap = has_swap();
  lacks(means.pagemap_scan, "pagemap_scan", "this kernel has no PAGEMAP_SCAN (Linux 6.7)");
  lacks(means.frames, "pfn", "page frames want root (CAP_SYS_ADMIN)");
  lacks(means.page_flags, "kpageflags", "/proc/kpageflags wants root, and page frames to look up");
  lacks(means.smaps, "smaps", "this kernel has no /proc/PID/smaps");
  lacks(means.ptrace, "ptrace", "");
  return means;
}

}  // namespace strata
