# Static executables, position-independent or stripped: .data and .bss are known by their sections,
# and malloc's heap is found without a symbol.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

for name in static static-pie static-stripped; do
  specimen $name
  explained
  code="code and data / $name"
  holds "$(booked "$code / data rw- / .data") >= $(stated data.size)" "$name: .data"
  holds "$(booked "$code / data rw- / .bss") >= $(stated bss.written.size)" "$name: .bss"
  holds "$(booked "$code / data rw- / .bss" virtual) >=
    $(stated bss.written.size) + $(stated bss.unwritten.size)" "$name: the size of .bss"
  holds "$(booked "heap / glibc") >= $(stated live.size)" "$name: its heap"
  page_at "$(stated live.address)"
  json '.layers[-1].account[0] == "heap"' >/dev/null
  page_at "$(stated data.address)"
  equals "$(json .space.section)" .data "$name: where data lies"
  end_specimen
done
