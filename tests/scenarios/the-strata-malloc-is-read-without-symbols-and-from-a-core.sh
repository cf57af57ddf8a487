# A library whose names were taken away is read as exactly, and so is a core.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"
needs gdb objcopy readelf perl

# The table's symbol becomes hidden, so that the library still finds it, and its name another.
objcopy --strip-all "$strata_malloc" stripped.so
number=$(readelf --dyn-syms -W stripped.so | awk '$NF == "strata_malloc_layout" { print $1 + 0 }')
table=$(readelf -SW stripped.so | awk '{ sub(/^ *\[ *[0-9]+\]/, "") } $1 == ".dynsym" { print $4 }')
printf '\2' | dd of=stripped.so bs=1 seek=$((0x$table + number * 24 + 5)) conv=notrunc status=none
perl -pi -e 's/\bstrata_malloc_layout\b/xtrata_xalloc_xayout/g' stripped.so
! grep -q strata_malloc_layout stripped.so || fail 'its table still has its name'
strata_malloc=$PWD/stripped.so

on_strata_malloc strata-heap
strata_heap_of
strata_heap_agrees
live=$(json -c '.classes | map([.block_bytes, .live_blocks, .free_blocks, .cached_blocks])')
explained
gdb --nx --batch -p "$target" -ex 'generate-core-file core' >gdb.said 2>&1 || fail "gdb: $(<gdb.said)"
run strata heap --json ./core
holds "$exit_code == 0 || $exit_code == 3" 'heap of a core'
strata_sums_hold_
strata_heap_agrees
equals "$(json -c '.classes | map([.block_bytes, .live_blocks, .free_blocks, .cached_blocks])')" \
  "$live" 'blocks of the core, and of the process'
end_specimen
