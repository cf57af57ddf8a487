# Writing to a private mapping copies the file's pages, and how many is said.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen file-copies
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "file-copies") | .bytes')" "$(stated copied.anonymous)" copies

specimen shared-memory
run strata explain --json "$target"
json '[.findings[].id] | index("file-copies") == null'
