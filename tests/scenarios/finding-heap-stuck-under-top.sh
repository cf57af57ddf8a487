# One live chunk near the heap's top that keeps 100 MiB from going back by themselves is found, by
# address; freed, it lets go what was foreseen.
. "$(dirname "$0")/../scenario.sh"
needs jq

stuck() { json '.findings[] | select(.id == "heap-stuck-under-top") | '"$1"; }

specimen heap-retained
run strata explain --json "$target"
stuck .text >text
grep -q "^Free below one chunk near the heap's top, at $(stated keeps.block) (1008 bytes, live)\." text ||
  fail "not by address: $(<text)"
# All but what the thread's cache kept, which lies below, and pages that nothing was written to.
holds "$(stuck .bytes) <= $(stated free.bytes) + 8 * $(stated free.chunks)" 'more than was freed'
holds "$(stuck .bytes) > $(stated free.bytes) - 65536" 'less than was freed'
end_specimen

# The same, and then the chunk is freed: too large for a thread's cache.
program <<'END'
#include <vector>
#include "heap-words.h"
int main() {
  mallopt(M_MMAP_THRESHOLD, 1 << 20);
  mallopt(M_TRIM_THRESHOLD, 128 << 10);
  make_cache();
  static void* blocks[1024];
  for (void*& block : blocks) memset(block = take(60000), 1, 60000);
  for (int i = 0; i < 1023; ++i) free(blocks[i]);
  state_block("keeps", blocks[1023]);
  ready();
  free(blocks[1023]);
  ready();
}
END
specimen ./program
before=$(awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$target/status")
run strata explain --json "$target"
foreseen=$(stuck .bytes)
grep -q "$(stated keeps.block)" <<<"$(stuck .text)" || fail 'not by address'
next_stage
after=$(awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$target/status")
# 128 KiB stay as top_pad; what went beside is the chunk itself.
holds "$before - $after >= $foreseen - (136 << 10)" "less went back than was foreseen, $foreseen"
holds "$before - $after <= $foreseen + (128 << 10)" "more went back than was foreseen, $foreseen"
run strata explain --json "$target"
json '[.findings[].id] | index("heap-stuck-under-top") == null' >/dev/null

for name in heap-trim heap-thresholds service; do
  specimen "$name"
  run strata explain --json "$target"
  json '[.findings[].id] | index("heap-stuck-under-top") == null' >/dev/null
done
