# With PAGEMAP_SCAN, page frames, smaps, PROCMAP_QUERY, kpageflags or ptrace taken away the figures are
# those of the full run, save what is said to be blind without it.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

figures() {
  jq -S '[.resident_bytes, .beside, ([.accounts[] | {path, resident_bytes, anonymous_bytes,
    swapped_bytes, virtual_bytes, zero_bytes, guard_bytes}] | sort_by(.path))]' stdout
}
same() {  # WITHOUT…
  run strata explain --json "$target"
  figures >full
  for without; do
    STRATA_WITHOUT=$without run strata explain --json "$target"
    exits_with 0
    figures >less
    diff full less || fail "the figures of process $target differ without $without"
    for word in ${without//,/ }; do
      [[ $word == procmap_query ]] || says "$word is switched off by STRATA_WITHOUT"
    done
  done
}
needs_root  # without frames and PAGEMAP_SCAN the zero page is not known
for name in threads guards; do
  specimen $name
  same pagemap_scan pfn smaps procmap_query,kpageflags,ptrace pagemap_scan,smaps pfn,smaps
done
specimen zero-pages
same pfn pagemap_scan,smaps,procmap_query,kpageflags,ptrace

# Blind: without PAGEMAP_SCAN a mapping of which smaps counts nothing is not looked through.
STRATA_WITHOUT=pagemap_scan run strata explain --json "$target"
exits_with 0
equals "$(json .beside.zero_bytes)" 0 'pages only read'
says 'pages that were only read are not looked for'

# Blind: a page that was only read looks like memory where neither way of telling is there.
STRATA_WITHOUT=pagemap_scan,pfn,smaps run strata explain --json "$target"
equals "$(json .reconciliation.remainder_bytes)" "$(stated read.zero)" 'the remainder'
json '.reconciliation.cause | contains("zero page")' >/dev/null
says 'what was only read counts as resident'
STRATA_WITHOUT=ptrace run strata explain --freeze "$target"
exits_with 2
error_says 'STRATA_WITHOUT'
