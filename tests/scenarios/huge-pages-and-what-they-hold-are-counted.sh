# One byte written in a huge page holds 2 MiB, and `huge_bytes` says so, as smaps does.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen thp
huge=$(($(stated one_byte_each.huge) + $(stated full.resident)))
explained
equals "$(json '[.accounts[].huge_bytes] | add')" "$huge" 'all huge pages'
equals "$(awk '/^AnonHugePages:/ { sum += $2 } END { print sum * 1024 }' "/proc/$target/smaps")" \
  "$huge" 'smaps'

# A huge page has no PTE: its PMD maps it, and 21 bits of the address are the offset in it.
at=$(($(stated full.address) + 0x12345))
page_at "$(printf '%x' $at)"
json '.page.huge and .page.entry_bytes == 2097152 and (.page.walk | contains("PTE") | not)' >/dev/null
[[ $(json .page.walk) == *" > PMD $((at >> 21 & 511)) > offset $(printf '0x%x' $((at & 0x1fffff)))" ]] ||
  fail "the walk: $(json .page.walk)"
STRATA_WITHOUT=pagemap_scan,procmap_query page_at "$(printf '%x' $at)"
[[ $(jq -r '.page.walk // ""' stdout) != *PTE* ]] || fail 'without PAGEMAP_SCAN it has a PTE'
page_at "$(stated one_byte_each.address)"
json '.page.huge' >/dev/null
