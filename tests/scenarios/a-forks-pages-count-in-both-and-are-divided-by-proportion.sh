# After a fork a page that both still have counts in full in each one's VmRSS, and half in each's
# proportional share.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen fork-cow
proportional() {
  json '[.mappings[] | select(.start == $at) | .proportional_bytes] | add' --arg at "$(stated left.address)"
}
for subject in "$(stated parent)" "$(stated child)"; do
  explained
  mapped
  equals "$(in_range left anonymous)" "$(stated left.size)" "its own pages, in $subject"
  equals "$(in_range shared anonymous)" "$(stated shared.size)" "pages of both, in $subject"
  equals "$(proportional)" "$(($(stated left.size) + $(stated shared.size) / 2))" "shares, in $subject"
done
subject=$(stated parent)
page_at "$(stated left.address)"
json '.page.exclusive' >/dev/null
page_at "$(stated shared.address)"
json '.page.exclusive == false and (.page.map_count == null or .page.map_count == 2)' >/dev/null
