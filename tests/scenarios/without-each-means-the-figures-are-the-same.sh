# With PAGEMAP_SCAN, page frames, smaps, PROCMAP_QUERY, kpageflags or ptrace taken away the figures are
# those of the full run, save what is said to be blind without it.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

figures() {  # what no blind spot touches
  jq -S '[.resident_bytes, .beside, [.accounts[] | {path, resident_bytes, anonymous_bytes, swapped_bytes,
    virtual_bytes, zero_bytes, guard_bytes}] | sort_by(.path)]' stdout
}
for name in threads guards zero-pages memfd thp; do
  specimen $name
  run strata explain --json "$target"
  figures >full
  for without in pagemap_scan pfn smaps procmap_query kpageflags ptrace pagemap_scan,smaps \
    pfn,smaps,procmap_query,kpageflags pagemap_scan,procmap_query,kpageflags,ptrace; do
    [[ $without != *pagemap_scan* || $EUID == 0 ]] || continue  # the zero page needs either
    STRATA_WITHOUT=$without run strata explain --json "$target"
    exits_with 0
    figures >less
    diff full less || fail "$name: the figures differ without $without"
    for word in ${without//,/ }; do
      says "$word is switched off by STRATA_WITHOUT"
    done
  done
done

# Blind: a page that was only read looks like memory where neither way of telling is there.
specimen zero-pages
STRATA_WITHOUT=pagemap_scan,pfn run strata explain --json "$target"
equals "$(json .reconciliation.remainder_bytes)" "$(stated read.zero)" 'the remainder'
json '.reconciliation.cause | contains("zero page")' >/dev/null
says 'what was only read counts as resident'
STRATA_WITHOUT=ptrace run strata explain --freeze "$target"
exits_with 2
error_says 'STRATA_WITHOUT'
