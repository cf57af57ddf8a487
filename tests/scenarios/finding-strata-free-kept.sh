# What the Strata malloc could give back and has not is found, to the byte what malloc_trim(0) then
# gives back; after that nothing is said of it. Where its thread may run, it says that or that it does
# not run now.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"

of_finding() { json ".findings[] | select(.id == \"strata-free-kept\") | $1"; }

on_strata_malloc strata-heap
run strata explain --json "$target"
foreseen=$(of_finding .bytes)
of_finding .text >text
grep -q 'background:0 forbids the thread' text || fail "not who does not: $(<text)"
next_stage
! has_stated trim.absent || skip 'this build of the library has no malloc_trim'
equals "$foreseen" "$(stated trim.released)" 'what malloc_trim(0) gave back'
run strata explain --json "$target"
json '[.findings[].id] | index("strata-free-kept") == null' >/dev/null
end_specimen
