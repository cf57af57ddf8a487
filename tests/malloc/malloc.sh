# tests/malloc/malloc.sh - words for scenarios of the malloc; included after ../../scenario.sh.
#
#   library               the allocator under test; empty is libc's
#   preloaded CMD…        runs CMD on it
#   compiled NAME [FLAG…] <<'END'   C, which may include "expect.h" and "life/churn.h"

library=${STRATA_MALLOC_LIB-}
[[ -z $library || -f $library ]] || fail "there is no $library"

preloaded() { LD_PRELOAD=$library "$@"; }

compiled() {
  cat >"$1.c"
  "${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O1 -g -pthread -fno-builtin -w -I "$ROOT/tests/malloc" -o "$1" "$1.c" "${@:2}" ||
    fail 'the program does not compile'
}
