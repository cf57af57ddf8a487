# A mapped file that was only read looks like a leak; it is said to be cache, with its bytes.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen file-read
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "clean-file-pages") | .bytes')" "$(stated clean.size)" 'clean'

specimen memfd
run strata explain --json "$target"
json '[.findings[].id] | index("clean-file-pages") == null'
