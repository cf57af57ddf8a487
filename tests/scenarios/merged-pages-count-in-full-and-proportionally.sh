# Pages that KSM merged count in full where VmRSS does, and a fraction each where they are divided.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen ksm
explained
mapped
equals "$(in_range alike resident)" "$(stated alike.size)" 'in full'
holds "$(json '[.mappings[] | select(.start == $at) | .proportional_bytes] | add' \
  --arg at "$(stated alike.address)") < $(stated alike.size) / 4" 'proportionally'
needs_root
page_at "$(stated alike.address)"
json '.page.frame_flags | any(ascii_downcase == "ksm")' >/dev/null
