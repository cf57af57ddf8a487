# Each live block on the Strata malloc is counted, class by class, as the program itself knows them,
# whoever freed the others; the ledger adds up to VmRSS, and nothing is left to glibc.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"

on_strata_malloc strata-heap
strata_heap_of
strata_heap_agrees
heap_resident=$(json .totals.resident_bytes)
live=$(json .totals.live_blocks)
explained
equals "$(booked 'heap / strata')" "$heap_resident" 'the heap, in explain'
equals "$(booked heap)" "$heap_resident" 'what all allocators have'
equals "$(json '[.notes[] | select(.text | test("malloc|heap"))] | length')" 0 'notes about the heap'
holds "$(booked 'heap / strata / runs of pages / live' virtual) == $(stated runs.bytes)" 'runs, in explain'
for block in run.block:'runs of pages' small.block:'small blocks'; do
  page_at "$(stated "${block%%:*}")"
  equals "$(json '.layers[-1].account | join(" / ")')" "heap / strata / ${block#*:}" "${block%%:*}"
done
run strata heap "$target"
exits_with 0
says 'the Strata malloc has'
says 'sorted by live bytes'
run strata heap --sizes "$target"
never_says '--sizes shows every one'
run strata heap --arena 0 --json "$target"
equals "$(json '.arenas | length')" 1 'arenas that --arena shows'
run strata heap --check --freeze --freeze-limit 10s "$target"
exits_with 0
never_says 'Damage'
run strata heap --arena 77 "$target"
exits_with 2
error_says 'there is no arena 77'
# It loses nothing.
run strata leaks --json "$target"
exits_with 0
equals "$(json .totals.direct_chunks)" 0 'blocks that are lost'
equals "$(json .totals.live_chunks)" "$live" 'live blocks, by their reachability'
end_specimen
