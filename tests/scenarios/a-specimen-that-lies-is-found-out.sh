# Neither the judge of specimens nor what holds the ledger to them is a rubber stamp: one page too
# many, in one statement, fails it, and so does a specimen of which nothing can be judged.
. "$(dirname "$0")/../scenario.sh"

program <<'END'
#include "specimen.h"
int main(int, char** argv) {
  Byte* from = map_pages(4);
  write_pages(from, 2);
  state_range("written", from, 4 * kPage);
  state(argv[1], atoi(argv[2]) * kPage);
  ready();
}
END
cat >judge-it <<'END'
. "$ROOT/tests/scenario.sh"
. "$ROOT/tests/judge.sh"
judge "$@"
END
cat >hold-it <<'END'
. "$ROOT/tests/scenario.sh"
. "$ROOT/tests/ledger.sh"
hold_to_statements "$@"
END
export ROOT BUILD KERNEL_SAYS STRATA

by=judge-it
try() {  # EXIT-CODE KEY PAGES
  run bash $by "$PWD/program" "$2" "$3"
  exits_with "$1"
}
try 0 written.resident 2
try 1 written.resident 3 && error_says 'written.resident, stated and by the kernel: 12288 is not 8192'
try 1 written.zero 1 && error_says written.zero
try 1 written.guard 1 && error_says written.guard
try 1 written.mappings 1 && error_says written.mappings
try 1 written.resident_at_least 3 && error_says written.resident_at_least
try 1 nothing.judged 0 && error_says 'no statement that the kernel could judge'

by=hold-it
try 0 written.resident 2 && says '1 statements hold'
try 1 written.resident 3 && error_says 'written.resident: 8192 is not 12288'
try 1 written.resident_at_least 3 && error_says written.resident_at_least
try 1 threads 1 && error_says 'threads: 1 is not 4096'
try 1 nothing.judged 0 && error_says 'it states nothing that could be judged'
