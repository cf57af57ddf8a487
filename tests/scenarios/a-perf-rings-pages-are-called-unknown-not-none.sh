# The pages of a perf ring, and of the kernel's own [vvar], are in no counter and in no page table
# that the kernel shows: what was touched of them is said to be unknown, and never to be nothing.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen perf-ring
explained
equals "$(booked 'mapped / devices')" 0 'it is outside VmRSS'
# Kernels that map it page by page show it; those count it beside the sum.
equals "$(($(beside unknown) + $(beside uncounted)))" "$(stated ring.read)" 'what is known of it'
run strata page "$target" "$(stated ring.address)"
never_says 'never touched'

while read -r range _ _ _ _ name; do
  run strata page "$target" "${range%-*}"
  never_says 'never touched'
  grep -q 'not known\|present' stdout || fail "what is said of $name"
done < <(grep -F '[vvar' "/proc/$target/maps")
