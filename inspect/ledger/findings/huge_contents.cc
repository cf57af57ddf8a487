#include "inspect/ledger/findings/huge_contents.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace strata {
namespace {

constexpr Bytes kWindow = 2_MiB;

bool is_zero(std::span<const std::byte> page) {
  // Equal to itself shifted by one byte, and the first is 0: then all are. memcmp is vectorised.
  return page[0] == std::byte{0} && std::memcmp(page.data(), page.data() + 1, page.size() - 1) == 0;
}

/// `buffer` is as large as the window.
void count_window(const PresentMemory& memory, Range window, std::span<std::byte> buffer,
                  HugeContents& contents) {
  auto got = memory.read(window.start, buffer);
  // What was not read is 0 in the buffer and must not count, and which part it was is not known.
  if (!got || *got != window.size()) {
    contents.unread += window.size();
    return;
  }
  contents.read += window.size();
  const std::size_t page = page_size().value;
  for (std::size_t i = 0; i + page <= buffer.size(); i += page) {
    if (is_zero(buffer.subspan(i, page))) contents.zero += page_size();
  }
}

}  // namespace

HugeContents count_zero(const PresentMemory& memory, std::span<const Range> huge,
                        const Progress& progress) {
  HugeContents contents;
  Bytes all;
  for (const Range& range : huge) all += range.size();
  std::vector<std::byte> buffer(kWindow.value);
  for (const Range& range : huge) {
    for (Address at = range.start; at < range.end; at = at + kWindow) {
      const Range window{at, std::min(range.end, at + kWindow)};
      count_window(memory, window, std::span(buffer).first(window.size().value), contents);
      if (progress) {
        const Bytes done = contents.read + contents.unread;
        progress("reading huge pages",
                 static_cast<double>(done.value) / static_cast<double>(all.value));
      }
    }
  }
  return contents;
}

}  // namespace strata
