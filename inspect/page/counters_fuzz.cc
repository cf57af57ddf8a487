// status, statm and stat may say anything; each number that is taken stands in the text.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "inspect/page/counters.h"

namespace {

using namespace strata;

void require(bool condition) {
  if (!condition) abort();
}

/// Whether `text` holds the number, which the kernel gave in units of `unit`.
void require_quoted(std::string_view text, std::optional<Bytes> value, Bytes unit) {
  if (!value) return;
  require(value->value % unit.value == 0);
  // Larger ones have wrapped around; the kernel counts no such sizes.
  if (text.size() > 100'000 || value->value / unit.value == 0) return;
  for (std::uint64_t high = 0; high < unit.value; ++high) {
    const std::uint64_t number = value->value / unit.value + high * (~0ull / unit.value + 1);
    if (text.find(std::to_string(number)) != std::string_view::npos) return;
  }
  abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  Counters c;
  parse_status(text, c);
  for (const auto& value :
       {c.virtual_size, c.resident, c.resident_anonymous, c.resident_file, c.resident_shared,
        c.peak_resident, c.swapped, c.page_tables, c.hugetlb}) {
    require_quoted(text, value, 1_KiB);
  }
  require(!c.resident || text.find("\nVmRSS:") != std::string_view::npos);
  parse_statm(text, c);
  parse_stat(text, c);
  require_quoted(text, c.statm_resident, page_size());
  require_quoted(text, c.stat_resident, page_size());
  require(!c.stat_resident || text.find(')') != std::string_view::npos);
  return 0;
}
