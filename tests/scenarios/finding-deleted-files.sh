# A library whose file was deleted is named; memory that is no file of a disk is not.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen deleted-library
run strata explain --json "$target"
json '.findings[] | select(.id == "deleted-files") | .text | contains("The old code still runs")'
bytes=$(json '.findings[] | select(.id == "deleted-files") | .bytes')
deleted=$(awk '/^[0-9a-f]+-/ { on = / \(deleted\)$/ } on && /^Rss:/ { sum += $2 } END { print sum * 1024 }' \
  "/proc/$target/smaps")
equals "$bytes" "$deleted" 'resident of deleted files, by smaps'

specimen memfd
run strata explain --json "$target"
json '[.findings[].id] | index("deleted-files") == null'
