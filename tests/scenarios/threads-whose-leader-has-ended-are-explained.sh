# A process whose first thread has ended is explained by its PID as by a living thread's.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen leader-exits
for subject in "$target" "$(stated living.tid)"; do
  explained
  equals "$(json .target.pid)" "$target" 'its PID'
  mapped
  equals "$(in_range written resident)" "$(stated written.resident)" 'what it has written'
  page_at "$(stated written.address)"
  json '.page.present' >/dev/null
done
