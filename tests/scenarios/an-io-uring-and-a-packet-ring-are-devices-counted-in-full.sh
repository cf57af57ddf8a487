# The rings of an io_uring and of a packet socket are in VmRSS, and stand under mapped / devices.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen io-uring
explained
equals "$(booked 'mapped / devices / anon_inode:[io_uring]')" \
  "$(($(stated rings.resident) + $(stated entries.resident)))" 'the rings'
end_specimen
specimen packet-ring
explained
equals "$(booked 'mapped / devices')" "$(stated ring.resident)" 'the packet ring'
