# Pages in swap, private and shared, and pages of the hugetlb pool are where the specimens state them.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/judge.sh"

with_swap
with_hugetlb 2
for name in swap swap-shared hugetlb; do judge "$name" >>judged; done
cat judged
! grep -q skipped judged || fail 'there are such pages here, and a specimen did not get them'
