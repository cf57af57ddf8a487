# Free blocks on pages that live ones pin are found, to the byte what the program freed less what its
# cache has; malloc_trim(0) gives none of it back, and where little is pinned nothing is said.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"

of_finding() { json ".findings[] | select(.id == \"strata-spans-pinned\") | $1"; }

on_strata_malloc strata-pinned
strata_heap_of --bins
cached=$(json .totals.cached_bytes)
json ".bins | any(.block_bytes == 64 and .live_blocks == $(stated live.chunks)
  and .spans_below_quarter == .spans)" >/dev/null
run strata explain --json "$target"
equals $(($(of_finding .bytes) + cached)) "$(stated freed.bytes)" 'pinned and cached'
of_finding .text >text
grep -q '^"\?Free blocks of the Strata malloc .*: 64 B blocks' text || fail "not which: $(<text)"
end_specimen

on_strata_malloc leak-known
run strata explain --json "$target"
json '[.findings[].id] | index("strata-spans-pinned") == null' >/dev/null
end_specimen
