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
