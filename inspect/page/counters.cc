#include "inspect/page/counters.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <charconv>
#include <vector>

#include "base/file.h"
#include "base/printable.h"

namespace strata {
namespace {

std::optional<std::uint64_t> number_at(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(" \t"), text.size()));
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} ? std::optional(value) : std::nullopt;
}

std::optional<std::uint64_t> field(std::string_view status, std::string_view key) {
  // The first line is the process's name, which may imitate any other line but cannot begin one:
  // the kernel escapes a newline in it.
  for (std::size_t at = 0; (at = status.find(key, at)) != std::string_view::npos; ++at) {
    if (at > 0 && status[at - 1] == '\n') return number_at(status.substr(at + key.size()));
  }
  return std::nullopt;
}

std::optional<Bytes> kibibytes(std::string_view status, std::string_view key) {
  const auto value = field(status, key);
  return value ? std::optional(1_KiB * *value) : std::nullopt;
}

std::vector<std::string_view> words(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    if (end > 0) out.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

std::optional<std::uint64_t> word(const std::vector<std::string_view>& list, std::size_t index) {
  return index < list.size() ? number_at(list[index]) : std::nullopt;
}

std::optional<Bytes> pages(std::optional<std::uint64_t> count) {
  return count ? std::optional(page_size() * *count) : std::nullopt;
}

}  // namespace

void parse_status(std::string_view text, Counters& into) {
  into.virtual_size = kibibytes(text, "VmSize:");
  into.resident = kibibytes(text, "VmRSS:");
  into.resident_anonymous = kibibytes(text, "RssAnon:");
  into.resident_file = kibibytes(text, "RssFile:");
  into.resident_shared = kibibytes(text, "RssShmem:");
  into.peak_resident = kibibytes(text, "VmHWM:");
  into.swapped = kibibytes(text, "VmSwap:");
  into.page_tables = kibibytes(text, "VmPTE:");
  into.hugetlb = kibibytes(text, "HugetlbPages:");
  into.threads = field(text, "Threads:");
}

void parse_statm(std::string_view text, Counters& into) {
  into.statm_resident = pages(word(words(text), 1));
}

void parse_stat(std::string_view text, Counters& into) {
  const std::size_t close = text.rfind(')');
  if (close == std::string_view::npos) return;
  // Behind the name: state is the first, minflt the 8th, majflt the 10th, rss the 22nd.
  const auto list = words(text.substr(close + 1));
  into.minor_faults = word(list, 7);
  into.major_faults = word(list, 9);
  into.stat_resident = pages(word(list, 21));
}

Result<Counters> read_counters(const Target& target) {
  Counters counters;
  auto status = target.read_kernel_text("status");
  if (!status) return pass(status);
  parse_status(*status, counters);
  if (auto statm = target.read_kernel_text("statm")) parse_statm(*statm, counters);
  if (auto stat = target.read_kernel_text("stat")) parse_stat(*stat, counters);
  return counters;
}

Result<Counters> read_status(const Target& target) {
  auto status = target.read_kernel_text("status");
  if (!status) return pass(status);
  Counters counters;
  parse_status(*status, counters);
  if (!counters.resident) {
    return fail(Cause::kGone, "process {} ({}) is ending: the kernel no longer counts its memory",
                target.identity().pid, printable(target.identity().name));
  }
  return counters;
}

bool resident_is_exact() {
  constexpr std::size_t kPages = 3;
  const std::size_t size = page_size().value;
  void* const memory =
      mmap(nullptr, kPages * size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return false;
  const auto resident = []() -> std::optional<Bytes> {
    auto status = read_text(AT_FDCWD, "/proc/self/status");
    if (!status) return std::nullopt;
    Counters counters;
    parse_status(*status, counters);
    return counters.resident;
  };
  resident();  // what the reading itself needs is touched before
  auto before = resident();
  bool exact = before.has_value();
  for (std::size_t i = 0; exact && i < kPages; ++i) {
    static_cast<volatile char*>(memory)[i * size] = 1;
    const auto after = resident();
    exact = after && *after == *before + page_size();
    before = after;
  }
  munmap(memory, kPages * size);
  return exact;
}

}  // namespace strata
