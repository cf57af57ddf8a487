# Pages that were read and never written are the shared zero page: no account's memory, but said.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen zero-pages
explained
equals "$(beside zero)" "$(stated read.zero)" 'the zero page'
equals "$(json '[.accounts[].zero_bytes] | add')" "$(stated read.zero)" 'by account'
run strata page "$target" "$(stated read.address)"
says 'the shared zero page: read, never written, in no counter'
end_specimen

specimen huge-zero-page
explained
equals "$(beside zero)" "$(stated read.zero)" 'the huge zero page'
