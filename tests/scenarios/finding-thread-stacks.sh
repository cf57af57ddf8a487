# What 100 threads cost, and what a deep call left below the main thread's stack pointer, is found.
. "$(dirname "$0")/../scenario.sh"
needs jq

specimen thread-stacks-many
run strata explain --json "$target"
json '.findings[] | select(.id == "thread-stacks") | .text' >text
grep -q "^$(stated threads) threads with " text || fail "not the number of threads: $(<text)"
bytes=$(json '.findings[] | select(.id == "thread-stacks") | .bytes')
# Each has touched a page of its stack at least, and has its kernel stack of 16 KiB.
holds "$bytes >= $(stated threads) * (4096 + 16384)" 'stacks'

specimen main-stack
run strata explain --json "$target"
bytes=$(json '.findings[] | select(.id == "thread-stacks") | .bytes')
holds "$bytes >= $(stated touched.size) - 4096 && $bytes <= $(stated touched.size) + 65536" \
  'left below the stack pointer'

specimen brk-heap
run strata explain --json "$target"
json '[.findings[].id] | index("thread-stacks") == null'
