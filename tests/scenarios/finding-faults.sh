# Memory that is given back and taken anew shows as minor faults far above the peak.
. "$(dirname "$0")/../scenario.sh"
needs jq

program <<'END'
#include "specimen.h"

int main() {
  constexpr std::size_t kPages = 2048, kRounds = 40;
  Byte* const from = map_pages(kPages);
  for (std::size_t i = 0; i < kRounds; ++i) {
    write_pages(from, kPages);
    must(madvise(from, kPages * kPage, MADV_DONTNEED) == 0);
  }
  state("faulted", kPages * kRounds * kPage);
  ready();
}
END
specimen ./program
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "faults") | .bytes')
faulted=$(stated faulted)
holds "$bytes >= $faulted && $bytes < $faulted + (64 << 20)" 'faulted in'

specimen bulk 67108864 10 small
run strata explain --json "$target"
json '[.findings[].id] | index("faults") == null'
