# A page in every 2 MiB costs as much in page tables as in memory, and that is said.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen sparse 4 2
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "page-tables") | .bytes')
holds "$bytes >= $(stated page_tables_at_least)" 'page tables'
equals "$bytes" "$(awk '/^VmPTE:/ { print $2 * 1024 }' "/proc/$target/status")" 'page tables, by the kernel'
json '.findings[] | select(.id == "page-tables") | .text | contains("strewn over 4.0 GiB")'

specimen bulk 33554432 10 small
run strata explain --json "$target"
json '[.findings[].id] | index("page-tables") == null'
