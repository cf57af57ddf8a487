# What a parent and its child still share, and what was written apart, is told page by page.
. "$(dirname "$0")/../scenario.sh"
needs jq
needs_root

finding='.findings[] | select(.id == "forked-sibling")'
specimen fork-cow
child=$(stated child)
run strata explain --json "$target"
holds "$(json "$finding | .bytes") >= $(stated shared.size)" 'shared with the child'
json "$finding | .text | contains(\"child $child\")"
run strata explain --json "$child"
holds "$(json "$finding | .bytes") >= $(stated shared.size)" 'shared with the parent'
json "$finding | .text | contains(\"parent $target\")"

# Without page frames smaps tells how much, and not with whom.
STRATA_WITHOUT=pfn run strata explain --json "$target"
holds "$(json "$finding | .bytes") >= $(stated shared.size)" 'shared, by smaps'
json "$finding | .text | contains(\"takes root\")"

specimen clone-vm
run strata explain --json "$target"
json "$finding | .text | contains(\"CLONE_VM\")"

specimen glibc-heap
run strata explain --json "$target"
json '[.findings[].id] | index("forked-sibling") == null'
