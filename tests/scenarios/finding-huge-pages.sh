# Huge pages are found with their bytes, and --count-zero says how much of them was never written.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen thp
huge=$(($(stated one_byte_each.huge) + $(stated full.resident)))
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "huge-pages") | .bytes')" "$huge" 'in huge pages'

# One byte was written in each huge page of one range, so a page of each is not zero.
zero=$(($(stated one_byte_each.size) - $(stated one_byte_each.written) * 4096))
run strata explain --json --count-zero "$target"
equals "$(json '.findings[] | select(.id == "huge-pages") | .bytes')" "$zero" 'zero in huge pages'
run strata explain --json --count-zero --freeze "$target"
equals "$(json '.findings[] | select(.id == "huge-pages") | .bytes')" "$zero" 'zero, while it stands'

specimen bulk 8388608 4 small
run strata explain --json --count-zero "$target"
json '[.findings[].id] | index("huge-pages") == null'
