# A memfd mapped twice counts twice; one that only a descriptor holds stands beside the sum; of a
# private one the written pages are the process's own.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen memfd
explained
equals "$(booked 'mapped / memfd / twice')" "$((2 * $(stated twice.allocated)))" 'mapped twice'
equals "$(booked 'mapped / memfd / twice' anonymous)" 0 'shared pages are in a file'
equals "$(booked 'mapped / memfd / unmapped')" 0 'never mapped'
equals "$(beside unmapped_memfd)" "$(stated unmapped.allocated)" 'held and not mapped'
equals "$(booked 'mapped / memfd / private')" "$(stated partly.size)" 'mapped privately'
equals "$(booked 'mapped / memfd / private' anonymous)" "$(stated partly.anonymous)" 'its copies'
