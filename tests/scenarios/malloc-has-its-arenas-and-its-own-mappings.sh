# Main arena, the threads' arenas and the chunks with their own mapping are accounts, and as large as
# glibc says.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen glibc-heap
explained
equals "$(json '[.accounts[].path | select(.[:2] == ["heap", "glibc"]) | .[2]
  | select(test("^(main )?arena"))] | unique | length')" 3 'arenas'
equals "$(booked 'heap / glibc / mmapped chunks' virtual)" "$(stated glibc.mapped)" 'own mappings'
for block in main.first_live:main\ arena main.last_live:main\ arena arena.0.first_live:arena \
  mapped.0.address:mmapped\ chunks mapped.2.address:mmapped\ chunks; do
  page_at "$(stated "${block%:*}")"
  [[ $(json '.layers[-1].account | join(" / ")') == "heap / glibc / ${block#*:}"* ]] ||
    fail "where is ${block%:*}?"
done
