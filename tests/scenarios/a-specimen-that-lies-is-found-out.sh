# The judge of specimens is no rubber stamp: one page too many, in one statement, fails it.
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
export ROOT BUILD KERNEL_SAYS

try() {  # EXIT-CODE KEY PAGES
  run bash judge-it "$PWD/program" "$2" "$3"
  exits_with "$1"
}
try 0 written.resident 2
try 1 written.resident 3 && error_says 'written.resident, stated and by the kernel: 12288 is not 8192'
try 1 written.zero 1 && error_says written.zero
try 1 written.guard 1 && error_says written.guard
try 1 written.mappings 1 && error_says written.mappings
try 1 written.resident_at_least 3 && error_says written.resident_at_least
try 1 nothing.judged 0 && error_says 'no statement that the kernel could judge'
