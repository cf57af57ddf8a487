#include "inspect/page/page_scanner.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "inspect/target/kernel_abi.h"

namespace strata {
namespace {

// Enough that the cost of a system call vanishes beside the walk, small enough to stay in cache.
constexpr std::size_t kRegionsPerCall = 4096;
constexpr std::size_t kEntriesPerRead = 32768;
// Without PAGEMAP_SCAN and without smaps to say that it is empty, a range this large would take
// seconds to look through; reservations of terabytes are common (V8, Go, sanitizers).
constexpr Bytes kLargestBlindWalk = 64_GiB;

struct Translation {
  std::uint64_t kernel;
  PageFlag flag;
};

PageFlags translate(std::uint64_t bits, std::span<const Translation> table) {
  PageFlags flags;
  for (const Translation& t : table) {
    if ((bits & t.kernel) != 0) flags.set(t.flag);
  }
  return flags;
}

/// Joins neighbouring pages in one state, within one range, before they are handed on.
class RunBuilder {
 public:
  explicit RunBuilder(const PageScanner::Sink& sink) : sink_(sink) {}
  ~RunBuilder() { finish(); }

  void add(Range range, PageFlags flags) {
    if (flags.bits == 0) return;
    if (run_.flags == flags && run_.range.end == range.start && !run_.range.empty()) {
      run_.range.end = range.end;
      return;
    }
    finish();
    run_ = {range, flags};
  }
  void finish() {
    if (!run_.range.empty()) sink_(run_);
    run_ = {};
  }

 private:
  const PageScanner::Sink& sink_;
  PageRun run_;
};

bool knows_guard(const File& pagemap) {
  abi::PagemapScan scan{};
  abi::PageRegion region{};
  scan.size = sizeof(scan);
  scan.end = page_size().value;
  scan.vec = reinterpret_cast<std::uint64_t>(&region);
  scan.vec_len = 1;
  scan.category_anyof_mask = abi::kPageIsGuard;
  scan.return_mask = abi::kPageIsGuard;
  return ioctl(pagemap.fd(), abi::kPagemapScan, &scan) >= 0;
}

/// The frame of the shared zero page, found by reading a page of our own that was never written.
std::optional<std::uint64_t> find_zero_frame() {
  const std::size_t size = page_size().value;
  void* const page = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return std::nullopt;
  static_cast<void>(*static_cast<volatile const char*>(page));
  std::uint64_t entry = 0;
  if (auto pagemap = open_file(AT_FDCWD, "/proc/self/pagemap", O_RDONLY)) {
    const auto at = static_cast<off_t>(reinterpret_cast<std::uint64_t>(page) / size * 8);
    if (pread(pagemap->fd(), &entry, sizeof(entry), at) != sizeof(entry)) entry = 0;
  }
  munmap(page, size);
  const std::uint64_t frame = entry & abi::kPagemapFrameMask;
  return frame == 0 ? std::nullopt : std::optional(frame);
}

}  // namespace

Result<PageScanner> PageScanner::open(const Target& target, const Means& means) {
  auto pagemap = target.open_kernel_file("pagemap");
  if (!pagemap) return pass(pagemap, "looking at the state of its pages");
  PageScanner scanner;
  scanner.pagemap_ = std::move(*pagemap);
  scanner.has_swap_ = means.swap;
  scanner.by_ioctl_ = means.pagemap_scan;
  const auto blind = [&](const char* sentence) { scanner.blind_spots_.push_back(sentence); };
  if (scanner.by_ioctl_) {
    scanner.asks_guard_ = knows_guard(scanner.pagemap_);
    if (!scanner.asks_guard_) {
      blind("this kernel's PAGEMAP_SCAN does not know guard pages: they count as swapped");
    }
  } else {
    if (means.frames) scanner.zero_frame_ = find_zero_frame();
    if (!scanner.zero_frame_) {
      blind(
          "without page frames the shared zero page cannot be told from memory: "
          "what was only read counts as resident");
    }
    blind("pagemap does not tell huge pages, and the huge zero page counts as resident");
    blind(
        "where smaps counts nothing, guard pages and pages that were only read are not looked for");
  }
  return scanner;
}

PageFlags PageScanner::interpret(PageFlags flags, PageFlags inherent) const {
  // A guard marker is stored as a swap entry, but nothing was swapped.
  if (flags.has(PageFlag::kGuard)) flags.clear(PageFlag::kSwapped);
  // Without swap it is a page on its way from one frame to another (compaction), counted in VmRSS.
  if (flags.has(PageFlag::kSwapped) && !has_swap_) {
    flags.clear(PageFlag::kSwapped);
    flags.set(PageFlag::kPresent);
  }
  // The huge zero page is no anonymous page to the kernel, and so is called a file's.
  if (flags.has(PageFlag::kZero)) flags.clear(PageFlag::kFile);
  if (flags.has(PageFlag::kPresent)) flags.bits |= inherent.bits;
  return flags;
}

Result<void> PageScanner::scan(std::span<const ScanRange> ranges, const Sink& sink,
                               Detail detail) const {
  if (ranges.empty()) return {};
  return by_ioctl_ && detail == Detail::kState ? scan_by_ioctl(ranges, sink)
                                               : scan_by_entries(ranges, sink, detail);
}

Result<void> PageScanner::scan_by_ioctl(std::span<const ScanRange> ranges, const Sink& sink) const {
  static constexpr Translation kTable[] = {
      {abi::kPageIsPresent, PageFlag::kPresent}, {abi::kPageIsSwapped, PageFlag::kSwapped},
      {abi::kPageIsFile, PageFlag::kFile},       {abi::kPageIsPfnZero, PageFlag::kZero},
      {abi::kPageIsHuge, PageFlag::kHuge},       {abi::kPageIsGuard, PageFlag::kGuard},
  };
  const std::uint64_t guard = asks_guard_ ? abi::kPageIsGuard : 0;
  // A region has at least a page, and most calls are about a few pages only.
  const Range all{ranges.front().range.start, ranges.back().range.end};
  std::vector<abi::PageRegion> regions(
      std::clamp<std::size_t>(all.size() / page_size(), 1, kRegionsPerCall));
  abi::PagemapScan scan{};
  scan.size = sizeof(scan);
  scan.start = all.start.value;
  scan.end = all.end.value;
  scan.vec = reinterpret_cast<std::uint64_t>(regions.data());
  scan.vec_len = regions.size();
  scan.category_anyof_mask = abi::kPageIsPresent | abi::kPageIsSwapped | guard;
  scan.return_mask =
      scan.category_anyof_mask | abi::kPageIsFile | abi::kPageIsPfnZero | abi::kPageIsHuge;
  RunBuilder runs(sink);
  auto range = ranges.begin();
  while (scan.start < scan.end) {
    const int count = ioctl(pagemap_.fd(), abi::kPagemapScan, &scan);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, "scan the page tables");
    for (int i = 0; i < count; ++i) {
      const abi::PageRegion& region = regions[static_cast<std::size_t>(i)];
      const Range found{Address{region.start}, Address{region.end}};
      const PageFlags flags = translate(region.categories, kTable);
      // The kernel joins pages across mappings; here they part again.
      while (range != ranges.end() && range->range.end <= found.start) ++range;
      for (auto r = range; r != ranges.end() && r->range.start < found.end; ++r) {
        if (r->range.start >= found.start) runs.finish();
        runs.add(intersection(found, r->range), interpret(flags, r->inherent));
      }
    }
    // Not from walk_end: it is stale when the walk came to its end by itself (seen on 6.18). Fewer
    // regions than asked for mean that there are no more.
    if (static_cast<std::size_t>(count) < regions.size()) break;
    scan.start = regions.back().end;
  }
  return {};
}

Result<void> PageScanner::scan_by_entries(std::span<const ScanRange> ranges, const Sink& sink,
                                          Detail detail) const {
  static constexpr Translation kTable[] = {
      {abi::kPagemapPresent, PageFlag::kPresent},     {abi::kPagemapSwapped, PageFlag::kSwapped},
      {abi::kPagemapFile, PageFlag::kFile},           {abi::kPagemapGuard, PageFlag::kGuard},
      {abi::kPagemapExclusive, PageFlag::kExclusive},
  };
  const Bytes page = page_size();
  std::vector<std::uint64_t> entries(std::clamp<std::size_t>(
      (ranges.back().range.end - ranges.front().range.start) / page, 1, kEntriesPerRead));
  RunBuilder runs(sink);
  const auto add = [&](Address at, std::uint64_t entry, PageFlags inherent) {
    if (entry == 0) return;
    PageFlags flags = translate(entry, kTable);
    if (detail != Detail::kExclusive) flags.clear(PageFlag::kExclusive);
    const bool is_zero = flags.has(PageFlag::kPresent) && zero_frame_ &&
                         (entry & abi::kPagemapFrameMask) == *zero_frame_;
    if (is_zero) flags.set(PageFlag::kZero);
    runs.add(range_of(at, page), interpret(flags, inherent));
  };
  for (std::size_t first = 0; first < ranges.size();) {
    runs.finish();
    if (ranges[first].populated == Bytes{0}) {
      ++first;
      continue;
    }
    if (!ranges[first].populated && ranges[first].range.size() > kLargestBlindWalk) {
      PageFlags unknown;
      unknown.set(PageFlag::kUnknown);
      runs.add(ranges[first].range, unknown);
      ++first;
      continue;
    }
    // Neighbours are read together: most mappings have few pages, and a read costs more than those.
    std::size_t last = first;
    const Address start = ranges[first].range.start;
    const auto joins = [&](const ScanRange& next) {
      return next.range.start == ranges[last].range.end && next.populated != Bytes{0} &&
             next.range.end - start <= page * kEntriesPerRead;
    };
    while (last + 1 < ranges.size() && joins(ranges[last + 1])) ++last;
    const Address end = ranges[last].range.end;
    std::size_t current = first;
    for (Address at = start; at < end;) {
      const std::size_t wanted = std::min<std::size_t>((end - at) / page, entries.size());
      const auto into = std::as_writable_bytes(std::span(entries).first(wanted));
      auto got = read_at(pagemap_, Bytes{at.value / page.value * 8}, into);
      if (!got) return pass(got, "reading pagemap");
      const std::size_t count = got->value / 8;
      for (std::size_t i = 0; i < count; ++i) {
        const Address here = at + page * i;
        while (current < last && ranges[current].range.end <= here) {
          ++current;
          runs.finish();
        }
        add(here, entries[i], ranges[current].inherent);
      }
      if (count < wanted) break;  // the address space ends here, or the process did
      at = at + page * wanted;
    }
    first = last + 1;
  }
  return {};
}

}  // namespace strata
