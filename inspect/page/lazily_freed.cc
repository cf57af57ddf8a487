#include "inspect/page/lazily_freed.h"

#include <fcntl.h>

#include <algorithm>

#include "base/file.h"
#include "inspect/target/kernel_abi.h"

namespace strata {
namespace {

constexpr std::size_t kEntriesPerRead = 32'768;
constexpr std::uint64_t kAnonymous = 1 << 12;
constexpr std::uint64_t kSwapBacked = 1 << 14;
constexpr std::uint64_t kTail = 1 << 16;
// The largest folio of anonymous memory has as many pages.
constexpr std::uint64_t kMostTails = 512;

class FrameFlags {
 public:
  static Result<FrameFlags> open() {
    auto file = open_file(AT_FDCWD, "/proc/kpageflags", O_RDONLY);
    if (!file) return pass(file);
    return FrameFlags(std::move(*file));
  }

  Result<bool> is_lazily_freed(std::uint64_t frame) {
    auto flags = at(frame);
    // Of a large folio older kernels show the swap-backed bit on the first page alone.
    for (std::uint64_t back = 1; flags && (*flags & kTail) != 0 && back < kMostTails; ++back) {
      if (back > frame) break;
      flags = at(frame - back);
    }
    if (!flags) return pass(flags);
    return (*flags & kAnonymous) != 0 && (*flags & kSwapBacked) == 0;
  }

 private:
  explicit FrameFlags(File file) : file_(std::move(file)), flags_(kWindow) {}

  /// Frames of neighbouring pages are often neighbours, so an aligned window is read at once.
  Result<std::uint64_t> at(std::uint64_t frame) {
    const std::uint64_t start = frame / kWindow * kWindow;
    if (start != start_ || frame - start >= count_) {
      auto got = read_at(file_, Bytes{start * 8}, std::as_writable_bytes(std::span(flags_)));
      if (!got) return pass(got, "reading /proc/kpageflags");
      start_ = start;
      count_ = got->value / 8;
    }
    if (frame - start >= count_) return fail(Cause::kNotFound, "frame {} has no flags", frame);
    return flags_[frame - start];
  }

  static constexpr std::uint64_t kWindow = 512;
  File file_;
  std::vector<std::uint64_t> flags_;
  std::uint64_t start_ = 1;  // never aligned: nothing is read yet
  std::uint64_t count_ = 0;
};

}  // namespace

Result<std::vector<Range>> find_lazily_freed(const Target& target, const PageScanner& scanner,
                                             Range range) {
  auto flags = FrameFlags::open();
  if (!flags) return pass(flags);
  auto pagemap = target.open_kernel_file("pagemap");
  if (!pagemap) return pass(pagemap);
  std::vector<Range> runs;
  const ScanRange whole{range, {}, std::nullopt};
  auto scanned = scanner.scan(std::span(&whole, 1), [&](const PageRun& run) {
    if (run.anonymous()) runs.push_back(run.range);
  });
  if (!scanned) return pass(scanned);

  std::vector<Range> found;
  std::vector<std::uint64_t> entries(kEntriesPerRead);
  const Bytes page = page_size();
  for (Range run : runs) {
    while (!run.empty()) {
      const std::size_t wanted = std::min<std::size_t>(run.size() / page, kEntriesPerRead);
      auto got = read_at(*pagemap, Bytes{run.start.value / page.value * 8},
                         std::as_writable_bytes(std::span(entries).first(wanted)));
      if (!got) return pass(got, "reading pagemap");
      const std::size_t count = got->value / 8;
      for (std::size_t i = 0; i < count; ++i) {
        if ((entries[i] & abi::kPagemapPresent) == 0) continue;
        auto lazy = flags->is_lazily_freed(entries[i] & abi::kPagemapFrameMask);
        if (!lazy) return pass(lazy);
        if (!*lazy) continue;
        const Range at = range_of(run.start + page * i, page);
        if (!found.empty() && found.back().end == at.start) {
          found.back().end = at.end;
        } else {
          found.push_back(at);
        }
      }
      if (count < wanted) break;
      run.start = run.start + page * wanted;
    }
  }
  return found;
}

}  // namespace strata
