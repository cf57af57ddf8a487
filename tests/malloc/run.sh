# tests/malloc/run.sh - runs a program on the allocator under test: run.sh PROGRAM [ARG…]
#
# STRATA_MALLOC_LIB names it; empty is libc's. A file that is not there would silently mean libc's.
set -eu
library=${STRATA_MALLOC_LIB-}
[[ -z $library || -f $library ]] || { echo "there is no $library"; exit 1; }
LD_PRELOAD=$library exec "$@"
