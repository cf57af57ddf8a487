# Memory given up by MADV_FREE is found with the bytes that smaps calls lazily freed, and by account.
. "$(dirname "$0")/../scenario.sh"
needs jq

# The kernel takes freed pages over in batches, so its own figure lags behind what was freed: it is
# compared with the finding once it is the same before and after.
freed_by_smaps() { awk '/^LazyFree:/ { sum += $2 } END { print sum * 1024 }' "/proc/$target/smaps"; }
explain_standing() {
  freed=$(freed_by_smaps)
  run strata explain --json "$target"
  [[ $(freed_by_smaps) == "$freed" ]]
}

specimen lazy-free
eventually explain_standing
exits_with 0
bytes=$(json '.findings[] | select(.id == "lazily-freed") | .bytes')
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
