# Pages of MADV_GUARD_INSTALL are guards, not swap; pages behind PROT_NONE that were written before are
# resident still, and shown as such.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen guards
explained
equals "$(beside swapped)" 0 'nothing is swapped'
equals "$(booked 'mapped / reserved without access')" "$(stated hidden.resident)" 'behind PROT_NONE'
has_stated guard.guard || skip "this kernel has no MADV_GUARD_INSTALL"
equals "$(beside guard)" "$(stated guard.guard)" 'the guards'
mapped
equals "$(in_range guard guard)" "$(stated guard.guard)" 'the guards by map'
run strata page "$target" "$(stated guard.address)"
says 'a guard (MADV_GUARD_INSTALL)'
