# Near vm.max_map_count the mappings are counted, and who has most of them is named.
. "$(dirname "$0")/../scenario.sh"
needs jq

limit=$(</proc/sys/vm/max_map_count)
((limit <= 200000)) || skip "vm.max_map_count is $limit here: too many to make"
specimen many-mappings $((limit * 6 / 10))
run strata explain --json "$target"
json '.findings[] | select(.id == "many-mappings") | .text' >text
mappings=$(json .target.mappings)
grep -q "^$mappings mappings of the $limit " text || fail "not the count and the limit: $(<text)"
bytes=$(json '.findings[] | select(.id == "many-mappings") | .bytes')
holds "$bytes >= $(stated all.size)" 'bytes in pieces'

specimen many-mappings 100
run strata explain --json "$target"
json '[.findings[].id] | index("many-mappings") == null'
