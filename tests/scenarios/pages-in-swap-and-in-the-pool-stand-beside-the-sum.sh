# What is in swap or in the hugetlb pool is in no account's resident bytes, and said beside them; and
# looking does not bring it back.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

with_swap
with_hugetlb 2
hold_to_statements swap
specimen swap
for way in 'explain --freeze' 'map --pages' "page $target $(stated out.address)"; do
  case $way in
    page*) run strata $way; says 'swapped out' ;;
    *) run strata $way "$target" ;;
  esac
  equals "$(status VmSwap)" "$(stated out.swapped)" "VmSwap after $way"
done
explained
equals "$(beside swapped)" "$(stated out.swapped)" 'beside the sum'
end_specimen

hold_to_statements hugetlb
specimen hugetlb
explained
equals "$(beside hugetlb)" "$(stated pool.hugetlb)" 'of the pool'
equals "$(booked 'mapped / huge page pool')" 0 'the pool is outside VmRSS'

# As of every huge page, its PMD maps it, and 21 bits of the address are the offset in it.
for without in '' pagemap_scan pagemap_scan,procmap_query; do
  STRATA_WITHOUT=$without page_at "$(printf '%x' $(($(stated pool.address) + 0x12345)))"
  json '.page | .huge and .hugetlb and .entry_bytes == 2097152' >/dev/null
  [[ $(json .page.walk) == *' > PMD '*' > offset 0x12345' ]] || fail "the walk: $(json .page.walk)"
done
run strata page "$target" "$(stated pool.address)"
says 'in a huge page of 2.0 MiB from the hugetlb pool, outside VmRSS'
