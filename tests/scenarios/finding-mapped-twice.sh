# A file mapped twice counts twice in RSS, and by how much is said.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen memfd
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "mapped-twice") | .bytes')" \
  "$(stated twice.second.file)" 'counted again'

specimen shared-memory
run strata explain --json "$target"
json '[.findings[].id] | index("mapped-twice") == null'
