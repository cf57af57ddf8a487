# Memory that is given back and taken anew shows as minor faults far above the peak.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen gives-back
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "faults") | .bytes')
faulted=$(stated faulted)
holds "$bytes >= $faulted && $bytes < $faulted + (64 << 20)" 'faulted in'

specimen bulk 67108864 10 small
run strata explain --json "$target"
json '[.findings[].id] | index("faults") == null'
