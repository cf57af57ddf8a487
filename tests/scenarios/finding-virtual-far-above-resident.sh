# Address space that was reserved and never touched is named with its size; a small process has none.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen sparse 8 64
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "virtual-far-above-resident") | .bytes')
untouched=$(($(stated reserved.size) - $(stated reserved.resident)))
holds "$bytes >= $untouched && $bytes < $untouched + (64 << 20)" 'untouched bytes'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("virtual-far-above-resident") == null'
