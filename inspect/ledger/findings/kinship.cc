#include "inspect/ledger/findings/kinship.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "inspect/target/kernel_abi.h"
#include "inspect/target/process_directory.h"
#include "inspect/target/process_text.h"

namespace strata {
namespace {

// Enough for any machine's processes; a kernel may have four million.
constexpr std::size_t kMostProcesses = 65'536;
constexpr std::size_t kMostThreads = 1024;
constexpr std::size_t kEntriesPerRead = 32'768;
constexpr Bytes kStatLimit = 4_KiB;

struct Executable {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const Executable&) const = default;
};

std::optional<Executable> executable_of(pid_t pid) {
  struct stat status;
  if (::stat(fmt::format("/proc/{}/exe", pid).c_str(), &status) != 0) return std::nullopt;
  return Executable{status.st_dev, status.st_ino};
}

struct Stat {
  pid_t parent = 0;
  std::string name;
};

std::optional<Stat> read_stat(pid_t pid) {
  auto text = read_text(AT_FDCWD, fmt::format("/proc/{}/stat", pid), kStatLimit);
  if (!text) return std::nullopt;
  const auto head = parse_stat_head(*text);
  return head ? std::optional(Stat{head->parent, std::string(head->name)}) : std::nullopt;
}

/// What the threads of `pid` forked; false where this kernel does not list it.
bool add_children(pid_t pid, std::vector<pid_t>& into) {
  bool listed = false;
  const std::string tasks = fmt::format("/proc/{}/task", pid);
  const auto tids = read_numbers(AT_FDCWD, tasks, kMostThreads);
  for (const pid_t tid : tids ? *tids : std::vector<pid_t>{}) {
    auto text = read_text(AT_FDCWD, fmt::format("{}/{}/children", tasks, tid), 1_MiB);
    if (!text) continue;
    listed = true;
    const auto children = parse_children(*text);
    into.insert(into.end(), children.begin(), children.end());
  }
  return listed;
}

/// Who may be related: so many as there are relatives, where the kernel lists children, else all.
std::vector<pid_t> candidates(pid_t pid, pid_t parent) {
  std::vector<pid_t> pids = {parent};
  const bool listed = add_children(pid, pids);
  // The first process's children are whoever lost a parent; siblings among them mean nothing.
  if (listed && parent > 1) add_children(parent, pids);
  if (listed) return pids;
  auto all = read_numbers(AT_FDCWD, "/proc", kMostProcesses);
  return all ? std::move(*all) : pids;
}

/// Frame of an anonymous page that is present, else 0.
std::uint64_t anonymous_frame(std::uint64_t entry) {
  const bool is_anonymous = (entry & abi::kPagemapPresent) != 0 && (entry & abi::kPagemapFile) == 0;
  return is_anonymous ? entry & abi::kPagemapFrameMask : 0;
}

/// One relative's pagemap, and a buffer for it.
struct Compared {
  File pagemap;
  std::vector<std::uint64_t> entries = std::vector<std::uint64_t>(kEntriesPerRead);
};

std::size_t read_entries(const File& pagemap, Address from, std::span<std::uint64_t> into) {
  const Bytes offset{from.value / page_size().value * 8};
  auto got = read_at(pagemap, offset, std::as_writable_bytes(into));
  return got ? got->value / 8 : 0;
}

bool is_one_address_space(pid_t a, pid_t b) { return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0; }

class Comparison {
 public:
  Comparison(const Target& target, Kinship& kinship) : kinship_(kinship) {
    auto own = target.open_kernel_file("pagemap");
    if (own) own_ = std::move(*own);
    for (Relative& relative : kinship.relatives) {
      Compared compared;
      auto file = open_file(AT_FDCWD, fmt::format("/proc/{}/pagemap", relative.pid), O_RDONLY);
      if (file) {
        compared.pagemap = std::move(*file);
      } else {
        relative.unread = file.error().message;
      }
      others_.push_back(std::move(compared));
    }
  }

  void compare(Range range) {
    if (!own_) return;
    const Bytes page = page_size();
    while (!range.empty()) {
      const std::size_t wanted = std::min<std::size_t>(range.size() / page, kEntriesPerRead);
      if (wanted == 0) return;
      entries_.resize(wanted);
      const std::size_t got = read_entries(own_, range.start, entries_);
      compare_entries(range.start, got);
      if (got < wanted) return;
      range.start = range.start + page * wanted;
    }
  }

 private:
  void compare_entries(Address at, std::size_t count) {
    common_.assign(count, false);
    for (std::size_t i = 0; i < others_.size(); ++i) {
      if (!others_[i].pagemap) continue;
      Relative& relative = kinship_.relatives[i];
      const std::size_t theirs =
          read_entries(others_[i].pagemap, at, std::span(others_[i].entries).first(count));
      for (std::size_t p = 0; p < theirs; ++p) {
        const std::uint64_t a = anonymous_frame(entries_[p]);
        const std::uint64_t b = anonymous_frame(others_[i].entries[p]);
        if (a == 0 || b == 0) continue;
        (a == b ? relative.shared : relative.parted) += page_size();
        if (a == b) common_[p] = true;
      }
    }
    for (std::size_t p = 0; p < count; ++p) {
      if (anonymous_frame(entries_[p]) != 0) kinship_.compared += page_size();
      if (common_[p]) kinship_.shared += page_size();
    }
  }

  Kinship& kinship_;
  File own_;
  std::vector<Compared> others_;
  std::vector<std::uint64_t> entries_;
  std::vector<bool> common_;
};

}  // namespace

std::vector<Relative> find_relatives(pid_t pid) {
  const auto self = read_stat(pid);
  const auto executable = executable_of(pid);
  std::vector<Relative> relatives;
  if (!self || !executable) return relatives;
  for (const pid_t other : candidates(pid, self->parent)) {
    if (other == pid) continue;
    const auto stat = read_stat(other);
    if (!stat) continue;
    Relative relative{other, stat->name, Relation::kSibling, {}, {}, ""};
    if (other == self->parent) {
      relative.relation = Relation::kParent;
    } else if (stat->parent == pid) {
      relative.relation = Relation::kChild;
    } else if (stat->parent != self->parent || self->parent <= 1) {
      continue;
    }
    if (executable_of(other) == executable) relatives.push_back(std::move(relative));
  }
  std::sort(relatives.begin(), relatives.end(), [](const Relative& a, const Relative& b) {
    return a.relation != b.relation ? a.relation < b.relation : a.pid < b.pid;
  });
  if (relatives.size() > kMostRelatives) relatives.resize(kMostRelatives);
  return relatives;
}

// A progress is told after each.
constexpr Bytes kWindow = 256_MiB;

Kinship compare_relatives(const Target& target, std::vector<Relative> relatives,
                          std::span<const Range> anonymous, Bytes most, const Progress& progress) {
  Kinship kinship;
  kinship.relatives = std::move(relatives);
  if (kinship.relatives.empty()) return kinship;
  kinship.by_frames = true;
  for (const Relative& relative : kinship.relatives) {
    kinship.one_address_space |= is_one_address_space(target.identity().pid, relative.pid);
  }
  if (kinship.one_address_space) return kinship;
  Comparison comparison(target, kinship);
  // What is compared with many costs as much as so much more memory compared with one.
  Bytes left{most.value / kinship.relatives.size() / page_size().value * page_size().value};
  Bytes all, done;
  for (const Range& range : anonymous) all += range.size();
  for (const Range& range : anonymous) {
    const Range part{range.start, std::min(range.end, range.start + left)};
    for (Address at = part.start; at < part.end; at = at + kWindow) {
      const Range window{at, std::min(part.end, at + kWindow)};
      comparison.compare(window);
      done += window.size();
      if (progress) {
        progress("comparing with relatives",
                 static_cast<double>(done.value) / static_cast<double>(all.value));
      }
    }
    left -= part.size();
    kinship.not_compared += range.size() - part.size();
  }
  return kinship;
}

}  // namespace strata
