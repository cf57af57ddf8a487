# A stack that the program made itself, in the midst of a larger mapping, is told from what is around.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen own-stack
stack="stacks / own-stack ($(stated thread.tid))"
explained
equals "$(booked "$stack")" "$(stated stack.size)" "the stack, all of whose pages were written"
equals "$(booked "$stack" virtual)" "$(stated stack.size)" "its size"
page_at "$(stated thread.local)"
equals "$(json '.layers[-1].account | join(" / ")')" "$stack / used" "a local variable"
page_at "$(stated all.address)"
json '.space.thread == null' >/dev/null
