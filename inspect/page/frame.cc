#include "inspect/page/frame.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "inspect/page/page_scanner.h"
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

void read_numa_node(const Target& target, Address page, Frame& frame) {
  void* pages[] = {reinterpret_cast<void*>(page.value)};
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

TableWalk walk_of(Address address, int levels) {
  static constexpr const char* kFive[] = {"PGD", "P4D", "PUD", "PMD", "PTE"};
  static constexpr const char* kFour[] = {"PGD", "PUD", "PMD", "PTE"};
  TableWalk walk;
  for (int i = 0; i < levels; ++i) {
    const int shift = 12 + 9 * (levels - 1 - i);
    walk.levels.push_back(
        {levels == 5 ? kFive[i] : kFour[i], static_cast<unsigned>(address.value >> shift & 511)});
  }
  walk.offset = static_cast<unsigned>(address.value & 4095);
  return walk;
}

Result<Frame> read_frame(const Target& target, const Means& means, Address address) {
  Frame frame;
  if (address.value >> 63 != 0) {
    frame.flags.set(PageFlag::kUnknown);
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

  if ((entry & abi::kPagemapPresent) == 0) return frame;
  if (!means.frames) {
    frame.hidden.push_back("the frame's number: pagemap shows it to root alone (CAP_SYS_ADMIN)");
  } else {
    frame.number = entry & abi::kPagemapFrameMask;
    read_kernel_flags(means, frame);
  }
  read_numa_node(target, page, frame);
  return frame;
}

}  // namespace strata
