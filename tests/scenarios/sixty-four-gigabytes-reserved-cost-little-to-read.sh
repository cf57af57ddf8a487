# 64 GiB of which every 512th page is touched: the page tables are said beside the sum, and neither
# the calls made nor the memory needed grow with what is reserved.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen sparse
explained
holds "$(beside page_tables) >= $(stated page_tables_at_least)" 'page tables'
equals "$(beside page_tables)" "$(status VmPTE)" 'page tables by the kernel'
holds "$(beside untouched) >= $(stated reserved.size) - $(stated reserved.resident)" 'never touched'
needs strace
run strace -f -qq -c -o calls "$STRATA" explain --json "$target"
exits_with 0
holds "$(awk '$NF == "total" { print $4 }' calls) < 20000" 'system calls'
run bash -c 'ulimit -v 600000; exec "$0" explain --json "$1"' "$STRATA" "$target"
exits_with 0
