# A memfd that is held and mapped nowhere is in no tool's RSS, and is found with its bytes.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen memfd
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "tools-disagree") | .bytes')" \
  "$(stated unmapped.allocated)" 'held and not mapped'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("tools-disagree") == null'
