# Memory given up by MADV_FREE is found with the bytes that smaps calls lazily freed, and by account.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen lazy-free
run strata explain --json "$target"
exits_with 0
bytes=$(json '.findings[] | select(.id == "lazily-freed") | .bytes')
# The kernel takes freed pages over in batches, so its own figure may lag behind the statement.
freed=$(awk '/^LazyFree:/ { sum += $2 } END { print sum * 1024 }' "/proc/$target/smaps")
equals "$bytes" "$freed" 'lazily freed, by smaps'
holds "$bytes <= $(stated freed.private_clean)" 'more than was freed'
if ((EUID == 0)); then
  equals "$(json '[.accounts[].lazily_freed_bytes] | add')" "$bytes" 'lazily freed, by account'
fi

# Written again, they are in use: page flags cannot tell, smaps can.
next_stage
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "lazily-freed") | .bytes')
holds "$bytes <= $(stated freed.private_clean)" 'what was written again still counts as freed'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("lazily-freed") == null'
