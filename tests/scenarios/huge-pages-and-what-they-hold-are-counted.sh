# One byte written in a huge page holds 2 MiB, and `huge_bytes` says so, as smaps does.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen thp
huge=$(($(stated one_byte_each.huge) + $(stated full.resident)))
explained
equals "$(json '[.accounts[].huge_bytes] | add')" "$huge" 'all huge pages'
equals "$(awk '/^AnonHugePages:/ { sum += $2 } END { print sum * 1024 }' "/proc/$target/smaps")" \
  "$huge" 'smaps'
page_at "$(stated one_byte_each.address)"
json '.page.huge' >/dev/null
