# A file cut short under its mapping, and memory that nobody else may read, are counted and cost
# nothing else.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen truncated-file
explained
equals "$(booked 'mapped / memfd / cut short')" "$(stated left.resident)" 'what is left'
run strata page --show-content "$target" "$(stated beyond.address)"
exits_with 0
says 'its bytes are not resident, and not read'
end_specimen

specimen secret-memory
explained
equals "$(json '[.accounts[] | select(.path | join("/") | test("secretmem")) | .resident_bytes] | add')" \
  "$(kernel_says smaps_resident "$(stated secret.address)" "$(stated secret.size)")" 'secret memory'
run strata page --show-content "$target" "$(stated secret.address)"
exits_with 0
never_says '0x55'
