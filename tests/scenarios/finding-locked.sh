# Memory that mlock() keeps is found with its bytes.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen locked
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "locked") | .bytes')" "$(stated locked.size)" 'locked'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("locked") == null'
