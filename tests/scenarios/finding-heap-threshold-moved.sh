# A mmap threshold that has moved up is found with the large blocks that lie in the heap since, and
# with what they left free there; with the threshold fixed, that much goes back.
. "$(dirname "$0")/../scenario.sh"
needs jq

moved() { json '.findings[] | select(.id == "heap-threshold-moved") | '"$1"; }
is_silent() { json '[.findings[].id] | index("heap-threshold-moved") == null' >/dev/null; }
anonymous() { awk '/^RssAnon/ { print $2 * 1024 }' "/proc/$target/status"; }

unset GLIBC_TUNABLES
specimen heap-thresholds
run strata explain --json "$target"
holds "$(moved .bytes) >= $(stated in_heap.size)" 'the large block in the heap'
holds "$(moved .bytes) < $(stated in_heap.size) + 65536" 'more than the large block in the heap'
run strata explain --findings-only "$target"
says '10.0 MiB live in 1 chunk, 0 B free and'
end_specimen

program <<'END'
#include "heap-words.h"
int main() {
  free(take(20 << 20));  // moves the threshold
  static void* blocks[64];
  for (void*& block : blocks) memset(block = take(1 << 20), 1, 1 << 20);
  for (int i = 0; i < 63; ++i) free(blocks[i]);
  ready();
}
END
specimen ./program
before=$(anonymous)
run strata explain --json "$target"
foreseen=$((63 << 20))
holds "$(moved .bytes) >= $foreseen + (1 << 20)" 'what is free and live in large blocks'
[[ $(moved .saves) == 'At most 63.'* ]] || fail "what it saves: $(moved .saves)"
end_specimen

export GLIBC_TUNABLES=glibc.malloc.mmap_threshold=131072
specimen ./program
unset GLIBC_TUNABLES
saved=$((before - $(anonymous)))
holds "$saved <= $foreseen + (128 << 10) && $saved >= $foreseen - (1 << 20)" \
  "saved is not what was foreseen, $foreseen"
run strata explain --json "$target"
is_silent
end_specimen

for name in heap-retained heap-bins service; do
  specimen "$name"
  run strata explain --json "$target"
  is_silent
  end_specimen
done
