# What is in swap is found with its bytes; brought back, half of it is left.
. "$(dirname "$0")/../scenario.sh"
needs jq
with_swap

specimen swap
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "swapped") | .bytes')
holds "$bytes >= $(stated out.swapped)" 'swapped bytes'
all=$bytes
next_stage
run strata explain --json "$target"
holds "$(json '.findings[] | select(.id == "swapped") | .bytes') <= $all - $(stated back.resident)" \
  'what came back still counts as swapped'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("swapped") == null'
