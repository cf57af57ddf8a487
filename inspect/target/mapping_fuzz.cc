// Whatever /proc/PID/maps says: an error, or mappings that are sorted, disjoint and not empty; and
// a line that was taken can be written and taken again.
#include <cstdint>
#include <cstdlib>

#include "inspect/target/mapping.h"

namespace {

using namespace strata;

void require(bool condition) {
  if (!condition) abort();
}

std::string written(const Mapping& m) {
  std::string line =
      fmt::format("{:x}-{:x} {} {:x} {:x}:{:x} {} ", m.range.start.value, m.range.end.value,
                  protection(m), m.offset.value, m.device_major, m.device_minor, m.inode);
  for (const char c : m.name) line += c == '\n' ? std::string("\\012") : std::string(1, c);
  return line + (m.deleted ? " (deleted)" : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  auto mappings = parse_mappings(text);
  if (mappings) {
    Address last;
    for (const Mapping& m : *mappings) {
      require(m.range.start >= last && !m.range.empty());
      last = m.range.end;
    }
  } else {
    require(mappings.error().cause == Cause::kCorrupt && mappings.error().message.size() < 2000);
  }
  const std::string_view line = text.substr(0, text.find('\n'));
  if (auto one = parse_mapping(line)) {
    auto again = parse_mapping(written(*one));
    require(again && *again == *one);
  }
  return 0;
}
