# explain, map and page touch nothing: faults, VmRSS, VmPTE and VmSwap of the target stay as they
# were, no page of it becomes present, no thread stays stopped, and its memory reads as before.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

state_of() {
  awk '{ print "faults", $10, $12 }' "/proc/$target/stat"
  grep -E '^Vm(RSS|PTE|Swap|HWM):|^TracerPid' "/proc/$target/status"
  sed -E '/^[0-9a-f]+-|^Rss|^Swap:|^Anon/!d' "/proc/$target/smaps"
}
program <<'END'
#include "specimen.h"
int main() {
  Byte* memory = map_pages(512);
  for (size_t i = 0; i < 512 * kPage; i += 3) memory[i] = static_cast<Byte>(i * 7);
  do {
    unsigned long sum = 0;
    for (size_t i = 0; i < 512 * kPage; ++i) sum = sum * 31 + memory[i];
    state("checksum", sum);
    ready();
  } while (true);
}
END
for name in ./program zero-pages sparse threads glibc-heap; do
  specimen $name
  state_of >before
  for way in explain 'explain --freeze' 'map --pages' map; do
    run strata $way "$target"
    state_of >after
    diff before after || fail "$way on $name left a trace"
  done
  grep -hE '^State:' "/proc/$target"/task/*/status | sort -u >states
  equals "$(<states)" $'State:\tS (sleeping)' "$name: its threads"
  has_stated checksum || continue
  for address in $(awk -F- '{ print $1 }' "/proc/$target/maps"); do
    run strata page "$target" "$address"
    exits_with 0
  done
  state_of >after
  diff before after || fail "page on $name left a trace"
  sum=$(stated checksum)
  next_stage
  equals "$(stated checksum)" "$sum" 'its memory'
done
