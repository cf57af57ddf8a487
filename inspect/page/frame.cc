#include "inspect/page/frame.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "inspect/page/mapping_query.h"
#include "inspect/page/page_scanner.h"
#include "inspect/page/smaps.h"
#include "inspect/target/kernel_abi.h"

namespace strata {
namespace {

// Bits of /proc/kpageflags (Linux include/uapi/linux/kernel-page-flags.h), index = bit.
constexpr std::array<const char*, 27> kFlagNames = {
    "LOCKED",      "ERROR",     "REFERENCED", "UPTODATE",      "DIRTY",         "LRU",
    "ACTIVE",      "SLAB",      "WRITEBACK",  "RECLAIM",       "BUDDY",         "MMAP",
    "ANON",        "SWAPCACHE", "SWAPBACKED", "COMPOUND_HEAD", "COMPOUND_TAIL", "HUGE",
    "UNEVICTABLE", "HWPOISON",  "NOPAGE",     "KSM",           "THP",           "OFFLINE",
    "ZERO_PAGE",   "IDLE",      "PGTABLE"};

std::optional<std::uint64_t> read_word(const char* path, std::uint64_t index) {
  auto file = open_file(AT_FDCWD, path, O_RDONLY);
  if (!file) return std::nullopt;
  std::uint64_t word = 0;
  auto got = read_at(*file, Bytes{index * 8}, std::as_writable_bytes(std::span(&word, 1)));
  return got && got->value == 8 ? std::optional(word) : std::nullopt;
}

void read_kernel_flags(const Means& means, Frame& frame) {
  if (!means.page_flags) {
    frame.hidden.push_back("the frame's flags and share count: /proc/kpageflags wants root");
    return;
  }
  if (const auto bits = read_word("/proc/kpageflags", *frame.number)) {
    for (std::size_t bit = 0; bit < kFlagNames.size(); ++bit) {
      if ((*bits >> bit & 1) != 0) frame.kernel_flags.push_back(kFlagNames[bit]);
    }
  }
  frame.map_count = read_word("/proc/kpagecount", *frame.number);
}

constexpr Bytes kHugePage = 2_MiB;  // what a PMD maps (x86-64)

/// The size of the pages that a mapping is made of, where the kernel is asked about it alone.
std::optional<Bytes> query_mapping(const Target& target, const Means& means, Address address) {
  if (!means.procmap_query) return std::nullopt;
  auto maps = target.open_kernel_file("maps");
  return maps ? query_page_size(*maps, address) : std::nullopt;
}

std::optional<MappingUsage> read_usage(const Target& target, const Means& means, Address address) {
  if (!means.smaps) return std::nullopt;
  auto all = read_smaps(target);
  if (!all) return std::nullopt;
  const auto found =
      std::ranges::find_if(*all, [&](const MappingUsage& u) { return u.range.contains(address); });
  return found == all->end() ? std::nullopt : std::optional(*found);
}

/// Whether a page in a mapping of small pages is mapped by a PMD all the same, by smaps: it says of
/// the mapping how much is.
std::optional<bool> tell_huge(const MappingUsage& usage, const Frame& frame) {
  const Bytes huge = usage.anonymous_huge + usage.shared_huge + usage.file_huge;
  if (huge == 0_B) return false;
  if (huge == usage.range.size()) return true;
  const auto& names = frame.kernel_flags;
  const bool may_be = names.empty() || std::ranges::find(names, "THP") != names.end();
  return may_be ? std::nullopt : std::optional(false);
}

/// The cheapest source that tells: PROCMAP_QUERY and PAGEMAP_SCAN, then smaps.
void find_entry_span(const Target& target, const Means& means, Address address, Frame& frame) {
  const bool is_present = frame.flags.has(PageFlag::kPresent);
  std::optional<Bytes> page = query_mapping(target, means, address);
  std::optional<bool> is_huge;
  if (!is_present) is_huge = false;
  if (means.pagemap_scan) is_huge = frame.flags.has(PageFlag::kHuge);  // also set for hugetlb
  if (is_huge == false && !page) page = page_size();
  if (!page || !is_huge) {
    if (const auto usage = read_usage(target, means, address)) {
      if (!page) page = usage->kernel_page;
      if (!is_huge) is_huge = tell_huge(*usage, frame);
    }
  }
  if (page && *page > page_size()) {
    frame.entry_span = *page;
    if (is_present) frame.flags.set(PageFlag::kHugetlb);
    if (is_present) frame.flags.set(PageFlag::kHuge);
  } else if (page && is_huge) {
    frame.entry_span = *is_huge ? kHugePage : page_size();
    if (*is_huge) frame.flags.set(PageFlag::kHuge);
  } else {
    frame.hidden.push_back(
        "the page-table walk: PAGEMAP_SCAN (Linux 6.7) and PROCMAP_QUERY (6.11) would tell whether "
        "a huge page is mapped here as a whole; smaps tells it only of mappings that have none");
  }
}

void read_numa_node(const Target& target, Address page, Frame& frame) {
  // An address of the target's, which the kernel alone looks behind.
  std::uint64_t pages[] = {page.value};
  int status[] = {0};
  const long done = syscall(SYS_move_pages, target.identity().pid, 1ul, pages, nullptr, status, 0);
  if (done == 0 && status[0] >= 0) {
    frame.numa_node = status[0];
  } else {
    const int why = done == 0 ? -status[0] : errno;
    frame.hidden.push_back(std::string("the NUMA node: move_pages says ") + std::strerror(why));
  }
}

}  // namespace

int page_table_levels() {
  auto cpu = read_text(AT_FDCWD, "/proc/cpuinfo");
  // The flag is taken away where the kernel runs with 4 levels all the same ("no5lvl").
  return cpu && cpu->find(" la57") != std::string::npos ? 5 : 4;
}

TableWalk walk_of(Address address, int levels, Bytes span) {
  static constexpr const char* kFive[] = {"PGD", "P4D", "PUD", "PMD", "PTE"};
  static constexpr const char* kFour[] = {"PGD", "PUD", "PMD", "PTE"};
  TableWalk walk;
  for (int i = 0; i < levels; ++i) {
    const int shift = 12 + 9 * (levels - 1 - i);
    if (shift < std::countr_zero(span.value)) break;
    walk.levels.push_back(
        {levels == 5 ? kFive[i] : kFour[i], static_cast<unsigned>(address.value >> shift & 511)});
  }
  walk.offset = static_cast<unsigned>(address.value & (span.value - 1));
  return walk;
}

Result<Frame> read_frame(const Target& target, const Means& means, Address address) {
  Frame frame;
  if (address.value >> 63 != 0) {
    frame.flags.set(PageFlag::kUnknown);
    frame.entry_span = page_size();
    frame.hidden.push_back("the page is in the kernel's half of the address space");
    return frame;
  }
  const Address page = round_down(address, page_size());
  auto pagemap = target.open_kernel_file("pagemap");
  if (!pagemap) return pass(pagemap);
  std::uint64_t entry = 0;
  auto got = read_at(*pagemap, Bytes{page.value / page_size().value * 8},
                     std::as_writable_bytes(std::span(&entry, 1)));
  if (!got) return pass(got, "reading the page's entry");
  if (got->value != 8) {  // [vsyscall], which every process sees and none has
    frame.entry_span = page_size();
    frame.hidden.push_back("its page: no page tables are shown beyond the user's half of memory");
    return frame;
  }
  frame.entry = entry;

  auto scanner = PageScanner::open(target, means);
  if (!scanner) return pass(scanner);
  const ScanRange here{range_of(page, page_size()), {}, std::nullopt};
  auto scanned =
      scanner->scan(std::span(&here, 1), [&](const PageRun& run) { frame.flags = run.flags; });
  if (!scanned) return pass(scanned);
  if ((entry & abi::kPagemapExclusive) != 0) frame.flags.set(PageFlag::kExclusive);

  if ((entry & abi::kPagemapPresent) == 0) {
    find_entry_span(target, means, address, frame);
    return frame;
  }
  if (!means.frames) {
    frame.hidden.push_back("the frame's number: pagemap shows it to root alone (CAP_SYS_ADMIN)");
  } else {
    frame.number = entry & abi::kPagemapFrameMask;
    read_kernel_flags(means, frame);
  }
  find_entry_span(target, means, address, frame);
  read_numa_node(target, page, frame);
  return frame;
}

}  // namespace strata
