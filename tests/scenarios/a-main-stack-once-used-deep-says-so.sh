# What the first thread's stack holds far below its stack pointer is shown apart from what it uses.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen main-stack
explained
holds "$(booked 'stacks / main / below the stack pointer') >= $(stated touched.size) - 4096" \
  "what was touched below"
holds "$(booked 'stacks / main / used') < $(stated touched.size) / 2" 'what is used'
page_at "$(stated local)"
equals "$(json '.layers[-1].account | join(" / ")')" 'stacks / main / used' 'a local variable'
page_at "$(stated touched.address)"
equals "$(json '.layers[-1].account | join(" / ")')" 'stacks / main / below the stack pointer' \
  'what a call that has returned left'
