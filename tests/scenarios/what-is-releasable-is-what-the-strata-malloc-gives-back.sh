# Of free memory on the Strata malloc, `releasable` is to the byte what malloc_trim(0) then gives back:
# units and runs that nobody uses, and pages of spans on which there are free blocks alone.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"

on_strata_malloc strata-heap
strata_heap_of
foreseen=$(json .totals.releasable_bytes)
holds "$foreseen > (10 << 20)" 'there is much to be released'
next_stage
! has_stated trim.absent || skip 'this build of the library has no malloc_trim'
equals "$foreseen" "$(stated trim.released)" 'what malloc_trim(0) gave back'
strata_heap_of
equals "$(json .totals.releasable_bytes)" 0 'what is left to be released'
end_specimen
