# Pages that parent and child share since a fork are shared still after all that they hold was read:
# a reader that pins them would make the kernel copy each.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

program <<'END'
#include "specimen.h"
int main() {
  // A heap, so that a reader of heaps reads it all.
  for (int i = 0; i < 4096; ++i) memset(malloc(1000), i, 1000);
  const pid_t self = getpid(), child = fork();
  must(child >= 0);
  if (child == 0) {
    end_with_parent(self);
    for (;;) pause();
  }
  state("child", child);
  ready();
}
END
specimen ./program
heap=$(awk -F'[- ]' '/\[heap\]/ { print "0x" $1 }' "/proc/$target/maps")
size=$((4096 * 1000))
for subject in "$target" "$(stated child)"; do
  before=$(kernel_says exclusive "$heap" $size "$subject")
  holds "$before < $size / 100" 'what is shared no more, before'
  for way in explain 'explain --freeze' map; do
    run strata $way "$subject"
    exits_with 0
  done
  # All of it, in bulk; what the parent has no pointer to is the program's business.
  run strata leaks "$subject"
  ((exit_code <= 1)) || fail "exit code $exit_code"
  run strata page --show-content "$subject" "$heap"
  exits_with 0
  equals "$(kernel_says exclusive "$heap" $size "$subject")" "$before" 'what is shared no more'
done
