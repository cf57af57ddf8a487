# What threads' caches of the Strata malloc hold is found where it is much: at least what the threads
# freed, and little more, which they took ahead. When the threads have ended nothing is said of it.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"

of_finding() { json ".findings[] | select(.id == \"strata-caches\") | $1"; }

on_strata_malloc strata-caches
strata_heap_of
equals "$(json '[.arenas[] | select(.idle | not)] | length')" $(($(stated threads) + 1)) \
  'arenas that threads have'
resident=$(json .totals.cached_resident_bytes)
holds "$(json .totals.cached_bytes) >= $(stated freed.bytes)" 'all that was freed is cached'
holds "$(json .totals.cached_bytes) - $(stated freed.bytes) < $(stated freed.bytes) / 8" 'little more'
run strata explain --json "$target"
equals "$(of_finding .bytes)" "$resident" 'its bytes'
of_finding .text >text
grep -q "$(($(stated threads) + 1)) threads have a cache" text || fail "not how many: $(<text)"
next_stage
strata_heap_of
equals "$(json '[.arenas[] | select(.idle)] | length')" "$(stated threads)" 'arenas of ended threads'
run strata explain --json "$target"
json '[.findings[].id] | index("strata-caches") == null' >/dev/null
end_specimen
