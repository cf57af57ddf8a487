# The pages of a perf ring are in no counter and in no page table that the kernel shows: what was
# touched of it is said to be unknown, and never to be nothing.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen perf-ring
explained
equals "$(booked 'mapped / devices')" 0 'it is outside VmRSS'
# Kernels that map it page by page show it; those count it beside the sum.
equals "$(($(beside unknown) + $(beside uncounted)))" "$(stated ring.read)" 'what is known of it'
run strata page "$target" "$(stated ring.address)"
never_says 'never touched'
