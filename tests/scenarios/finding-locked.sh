# Memory that mlock() keeps is found with its bytes.
. "$(dirname "$0")/../scenario.sh"
needs jq

program <<'END'
#include "specimen.h"

int main() {
  constexpr std::size_t kPages = 256;
  Byte* const from = map_pages(kPages);
  if (mlock(from, kPages * kPage) != 0) skip("so much may not be locked here (ulimit -l)");
  state_range("locked", from, kPages * kPage);
  ready();
}
END
specimen ./program
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "locked") | .bytes')" "$(stated locked.size)" 'locked'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("locked") == null'
