# Two processes in one address space (CLONE_VM) have one ledger, whichever is asked for, also when the
# other has made it grow.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen clone-vm
for stage in 1 2; do
  explained
  sum=$(json .resident_bytes)
  subject=$(stated sibling)
  explained
  equals "$(json .resident_bytes)" "$sum" "the sibling's sum in stage $stage"
  mapped
  equals "$(in_range shared resident)" "$(stated shared.resident)" "what it wrote in stage $stage"
  unset subject
  ((stage == 2)) || next_stage
done
