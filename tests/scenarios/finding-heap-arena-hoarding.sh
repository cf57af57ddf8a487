# An arena that keeps nearly all free memory is found, with its thread's name; it is not where all
# arenas have some.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen heap-hoard
run strata explain --json "$target"
json '.findings[] | select(.id == "heap-arena-hoarding") | .text' >text
grep -q "It serves peaks ($(stated thread.0.tid))\." text || fail "not its thread: $(<text)"
bytes=$(json '.findings[] | select(.id == "heap-arena-hoarding") | .bytes')
holds "$bytes <= $(stated hoard.size) + 4096" 'more than its hoard'
holds "$bytes >= $(stated hoard.size) - 65536" 'less than its hoard'

for name in heap-many-arenas heap-trim heap-retained threads; do
  specimen "$name"
  run strata explain --json "$target"
  json '[.findings[].id] | index("heap-arena-hoarding") == null' >/dev/null
done
