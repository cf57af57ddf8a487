#include "inspect/target/core_absences.h"

#include <algorithm>

namespace strata {
namespace {

struct Tally {
  std::size_t mappings = 0;
  Bytes bytes;

  void add(Bytes more) {
    if (more == Bytes{}) return;
    ++mappings;
    bytes += more;
  }
};

std::string size_text(Bytes size) {
  if (size < 1_KiB) return fmt::format("{} bytes", size.value);
  double value = static_cast<double>(size.value) / 1024;
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  std::size_t unit = 0;
  for (; value >= 1024 && unit + 1 < std::size(kUnits); ++unit) value /= 1024;
  return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string of_mappings(const Tally& tally) {
  return fmt::format("{} of {} mapping{}", size_text(tally.bytes), tally.mappings,
                     tally.mappings == 1 ? "" : "s");
}

}  // namespace

bool holds_written_memory(const std::vector<CoreSegment>& segments) {
  return std::ranges::any_of(
      segments, [](const CoreSegment& s) { return s.writable && s.recorded > Bytes{}; });
}

std::vector<std::string> name_missing_memory(const std::vector<CoreSegment>& segments,
                                             const std::vector<Mapping>& mappings,
                                             Bytes core_size) {
  Tally cut_off;
  Bytes whole_size = core_size;
  for (const CoreSegment& segment : segments) {
    cut_off.add(segment.recorded - segment.present);
    whole_size = std::max(whole_size, segment.file_offset + segment.recorded);
  }
  Tally of_files, anonymous, without_header;
  for (const Mapping& mapping : mappings) {
    const CoreSegment* segment = find_in(segments, mapping.range.start);
    if (segment == nullptr) {
      without_header.add(mapping.range.size());
      continue;
    }
    const Range held = range_of(segment->range.start, segment->recorded);
    const Bytes left_out = mapping.range.size() - intersection(mapping.range, held).size();
    (mapping.has_file() ? of_files : anonymous).add(left_out);
  }

  std::vector<std::string> sentences;
  if (cut_off.mappings > 0) {
    sentences.push_back(fmt::format(
        "the core file is truncated: it is {} bytes of {}, and {} cut off; a limit on core files "
        "(ulimit -c) or a full disk does that",
        core_size.value, whole_size.value, of_mappings(cut_off) + " are"));
  }
  if (of_files.mappings > 0) {
    sentences.push_back(fmt::format(
        "{} of files were left out, as the kernel does by default with code and constants; bits 2 "
        "(private) and 3 (shared) of /proc/PID/coredump_filter include them in a later core",
        of_mappings(of_files)));
  }
  if (without_header.mappings > 0) {
    sentences.push_back(fmt::format(
        "{} of files were left out together with their program headers, as gcore does; their "
        "protection is taken from the modules' headers, or shown as ---p; bits 2 (private) and 3 "
        "(shared) of /proc/PID/coredump_filter include them in a later core",
        of_mappings(without_header)));
  }
  if (anonymous.mappings > 0) {
    sentences.push_back(
        holds_written_memory(segments)
            ? fmt::format("{} without a file were left out: never written to, or excluded by "
                          "madvise(MADV_DONTDUMP)",
                          of_mappings(anonymous))
            : fmt::format("{} without a file were left out; bits 0 (private) and 1 (shared) of "
                          "/proc/PID/coredump_filter include them in a later core",
                          of_mappings(anonymous)));
  }
  return sentences;
}

}  // namespace strata
