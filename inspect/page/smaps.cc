#include "inspect/page/smaps.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "base/number.h"
#include "base/printable.h"

namespace strata {
namespace {

struct Field {
  std::string_view key;
  Bytes MappingUsage::* figure;  // null: a key we know and do not keep
};

// In the kernel's order, so that the next line is nearly always the next field.
constexpr Field kFields[] = {
    {"Size:", nullptr},
    {"KernelPageSize:", &MappingUsage::kernel_page},
    {"MMUPageSize:", nullptr},
    {"Rss:", &MappingUsage::resident},
    {"Pss:", &MappingUsage::proportional},
    {"Pss_Dirty:", nullptr},
    {"Pss_Anon:", nullptr},
    {"Pss_File:", nullptr},
    {"Pss_Shmem:", nullptr},
    {"Shared_Clean:", &MappingUsage::shared_clean},
    {"Shared_Dirty:", &MappingUsage::shared_dirty},
    {"Private_Clean:", &MappingUsage::private_clean},
    {"Private_Dirty:", &MappingUsage::private_dirty},
    {"Referenced:", nullptr},
    {"Anonymous:", &MappingUsage::anonymous},
    {"KSM:", &MappingUsage::same_page_merged},
    {"LazyFree:", &MappingUsage::lazily_freed},
    {"AnonHugePages:", &MappingUsage::anonymous_huge},
    {"ShmemPmdMapped:", &MappingUsage::shared_huge},
    {"FilePmdMapped:", &MappingUsage::file_huge},
    {"Shared_Hugetlb:", &MappingUsage::shared_hugetlb},
    {"Private_Hugetlb:", &MappingUsage::private_hugetlb},
    {"Swap:", &MappingUsage::swapped},
    {"SwapPss:", &MappingUsage::proportional_swap},
    {"Locked:", &MappingUsage::locked},
    {"THPeligible:", nullptr},
};

Failure corrupt(std::string_view line) {
  return fail(Cause::kCorrupt, "smaps has a line that cannot be understood: \"{}\"",
              printable(line.substr(0, 200)));
}

template <class Word>
Word word_at(const char* text) {
  Word word;
  std::memcpy(&word, text, sizeof(word));
  return word;
}

// Between a figure's key and its digits.
constexpr std::string_view kPadding = "                                ";
constexpr std::size_t kUnitSize = 4;
const std::uint32_t kUnit = word_at<std::uint32_t>(" kB\n");

/// Whether `size` bytes, at least 8, are the same.
bool is_same_text(const char* a, const char* b, std::size_t size) {
  for (std::size_t i = 0; i + 8 <= size; i += 8) {
    if (word_at<std::uint64_t>(a + i) != word_at<std::uint64_t>(b + i)) return false;
  }
  return word_at<std::uint64_t>(a + size - 8) == word_at<std::uint64_t>(b + size - 8);
}

MappingTraits parse_flags(std::string_view flags) {
  MappingTraits traits;
  while (flags.size() >= 2) {
    const std::string_view flag = flags.substr(0, 2);
    if (flag == "ht") traits.hugetlb = true;
    if (flag == "pf") traits.frames = true;
    if (flag == "io") traits.device = true;
    if (flag == "gd") traits.grows_down = true;
    if (flag == "lo") traits.locked = true;
    flags.remove_prefix(std::min<std::size_t>(3, flags.size()));
  }
  return traits;
}

bool parse_range(std::string_view line, Range& range) {
  if (!take_hex(line, range.start.value) || !line.starts_with('-')) return false;
  line.remove_prefix(1);
  return take_hex(line, range.end.value) && line.starts_with(' ') && !range.empty();
}

}  // namespace

void MappingUsage::add(const MappingUsage& other) {
  for (const Field& field : kFields) {
    if (field.figure != nullptr) this->*field.figure += other.*field.figure;
  }
}

/// Whether the line at `start`, of at least 8 characters, begins with the key: the first and the
/// last 8 characters of it are compared as words, which is all of the keys that there are.
bool SmapsParser::FormLine::key_matches(const char* start) const {
  if (key.size() < 8 || key.size() > 16) return std::memcmp(start, key.data(), key.size()) == 0;
  const std::size_t last = key.size() - 8;
  return word_at<std::uint64_t>(start) == word_at<std::uint64_t>(key.data()) &&
         word_at<std::uint64_t>(start + last) == word_at<std::uint64_t>(key.data() + last);
}

void SmapsParser::learn(std::string_view line, std::string_view key, Bytes MappingUsage::* figure) {
  if (form_is_whole_) return;
  form_.push_back({form_size_, line.size(), std::string(key), figure});
  // A line too short to be compared word by word is of no kernel: then all are read by line.
  form_is_odd_ |= line.size() < 8 + kUnitSize || key.starts_with("VmFlags");
  form_size_ += line.size() + 1;
}

/// Takes a whole entry's figures from the front of `text` if they stand as in the first entry.
bool SmapsParser::take_alike(std::string_view text) {
  if (!form_is_whole_ || form_is_odd_ || text.size() < form_size_) return false;
  // Most lines say what they said in the entry before, nearly always "0 kB".
  const bool has_last = !last_text_.empty();
  MappingUsage usage = has_last ? last_ : into_.back();
  usage.range = into_.back().range;
  for (const FormLine& line : form_) {
    const char* const start = text.data() + line.offset;
    if (has_last && is_same_text(start, last_text_.data() + line.offset, line.size + 1)) continue;
    const char* const end = start + line.size;
    if (*end != '\n' || !line.key_matches(start)) return false;
    if (line.figure == nullptr) {
      // It must be one line still, not two of the same length.
      if (std::memchr(start, '\n', line.size) != nullptr) return false;
      continue;
    }
    if (word_at<std::uint32_t>(end - 3) != kUnit) return false;
    // The figure is aligned to the right, so it is read from its end. 15 digits cannot overflow
    // when they are made bytes.
    const char* const most = std::max(start + line.key.size(), end - 3 - 15);
    std::uint64_t kilobytes = 0, scale = 1;
    const char* digit = end - 4;
    for (; digit >= most && *digit >= '0' && *digit <= '9'; --digit, scale *= 10) {
      kilobytes += scale * static_cast<std::uint64_t>(*digit - '0');
    }
    const char* const padding = start + line.key.size();
    const auto pads = static_cast<std::size_t>(digit + 1 - padding);
    if (scale == 1 || digit < most || pads > kPadding.size()) return false;
    if (std::memcmp(padding, kPadding.data(), pads) != 0) return false;
    usage.*line.figure = Bytes{kilobytes << 10};
  }
  into_.back() = last_ = usage;
  last_text_.assign(text.substr(0, form_size_));
  return true;
}

Result<void> SmapsParser::take_figure(std::string_view line) {
  for (std::size_t tried = 0; tried < std::size(kFields); ++tried) {
    const std::size_t index = (expected_ + tried) % std::size(kFields);
    const Field& field = kFields[index];
    if (!line.starts_with(field.key)) continue;
    learn(line, field.key, field.figure);
    expected_ = index + 1;
    if (field.figure == nullptr) return {};
    line.remove_prefix(field.key.size());
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    std::uint64_t kilobytes = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), kilobytes);
    if (error != std::errc{} || kilobytes > (~0ull >> 10)) return corrupt(line);
    into_.back().*field.figure = Bytes{kilobytes << 10};
    return {};
  }
  // A figure newer than this table.
  learn(line, line.substr(0, line.find(':') == line.npos ? line.size() : line.find(':') + 1),
        nullptr);
  return {};
}

Result<void> SmapsParser::take_line(std::string_view line) {
  // "VmFlags:", "Rss:" … begin with a capital; a range never does.
  if (!line.empty() && line[0] >= 'A' && line[0] <= 'Z') {
    if (into_.empty()) return corrupt(line);
    constexpr std::string_view kFlags = "VmFlags: ";
    if (!line.starts_with(kFlags)) return take_figure(line);
    into_.back().traits = parse_flags(line.substr(kFlags.size()));
    form_is_whole_ = true;
    return {};
  }
  MappingUsage usage;
  if (!parse_range(line, usage.range)) return corrupt(line);
  expected_ = 0;
  if (!into_.empty()) form_is_whole_ = true;  // a kernel without VmFlags
  into_.push_back(usage);
  return {};
}

Result<void> SmapsParser::feed(std::string_view text) {
  if (!partial_.empty()) {
    const std::size_t end = text.find('\n');
    partial_ += text.substr(0, end);
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
    const std::string line = std::move(partial_);
    partial_.clear();
    if (auto taken = take_line(line); !taken) return taken;
  }
  for (;;) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) break;
    const bool begins_entry = text[0] < 'A' || text[0] > 'Z';
    if (auto taken = take_line(text.substr(0, end)); !taken) return taken;
    text.remove_prefix(end + 1);
    if (begins_entry && take_alike(text)) text.remove_prefix(form_size_);
  }
  partial_ = text;
  return {};
}

Result<void> SmapsParser::finish() {
  if (partial_.empty()) return {};
  const std::string line = std::move(partial_);
  partial_.clear();
  return take_line(line);
}

namespace {

Result<std::vector<MappingUsage>> read_usage(const Target& target, const char* name,
                                             std::size_t expected, const Progress& progress) {
  auto file = target.open_kernel_file(name);
  if (!file) return pass(file);
  std::vector<MappingUsage> usage;
  usage.reserve(expected);
  SmapsParser parser(usage);
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = read(file->fd(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail_errno(errno, std::string("read ") + name);
    if (n == 0) break;
    auto fed = parser.feed({buffer.data(), static_cast<std::size_t>(n)});
    if (!fed) return pass(fed);
    if (progress && expected > 0) {
      progress("reading smaps", static_cast<double>(usage.size()) / static_cast<double>(expected));
    }
  }
  if (auto finished = parser.finish(); !finished) return pass(finished);
  return usage;
}

}  // namespace

Result<std::vector<MappingUsage>> read_smaps(const Target& target, std::size_t expected,
                                             const Progress& progress) {
  return read_usage(target, "smaps", expected, progress);
}

Result<MappingUsage> read_smaps_rollup(const Target& target) {
  auto usage = read_usage(target, "smaps_rollup", 1, {});
  if (!usage) return pass(usage);
  if (usage->empty()) return fail(Cause::kGone, "smaps_rollup is empty");
  return usage->front();
}

}  // namespace strata
