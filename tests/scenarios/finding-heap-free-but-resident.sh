# What the program freed and glibc keeps is found, and what malloc_trim(0) then gives back of it is
# what was foreseen, to the byte.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"

specimen heap-trim
heap_of
free=$(json .totals.free_resident_bytes)
foreseen=$(json .totals.releasable_bytes)
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "heap-free-but-resident") | .bytes')" "$free" 'its bytes'
run strata explain --findings-only "$target"
says 'saves: 70.'
says 'MiB, by malloc_trim(0).'
next_stage
equals "$foreseen" "$(stated trim.released)" 'what malloc_trim(0) gave back'

# What is left cannot be given back; who keeps it can be helped.
run strata explain --json "$target"
json '.findings[] | select(.id == "heap-free-but-resident") | .do' >advice
grep -q '^Blocks that live long lie between' advice || fail "what to do about pages that are shared: $(<advice)"
end_specimen

for name in service threads; do
  specimen "$name"
  run strata explain --json "$target"
  json '[.findings[].id] | map(select(startswith("heap-"))) == []' >/dev/null
  end_specimen
done
