# Of free memory that is resident, `releasable` is to the byte what malloc_trim(0) then gives back:
# of holes in every arena, of the main arena's top, of no other top and of no cache.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"

specimen heap-trim
heap_of
foreseen=$(json .totals.releasable_bytes)
holds "$foreseen > (10 << 20)" 'there is much to be released'
json 'all(.arenas[]; .releasable_bytes > 0)' >/dev/null
next_stage
equals "$foreseen" "$(stated trim.released)" 'what malloc_trim(0) gave back'
heap_of
glibc_agrees
equals "$(json .totals.releasable_bytes)" 0 'what is left to be released'
end_specimen
