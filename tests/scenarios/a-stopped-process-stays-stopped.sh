# A process that was stopped before is explained, frozen or not, and is stopped still afterwards.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen stopped
subject=$(stated stopped)
for way in explain 'explain --freeze' map 'map --freeze' "page $subject $(stated written.address)"; do
  [[ $way == page* ]] && run strata $way || run strata $way "$subject"
  exits_with 0
  # The kernel lets go of a traced process a moment after strata has asked for it.
  eventually grep -q '^State:.T (stopped)' "/proc/$subject/status"
  eventually grep -q '^TracerPid:.0$' "/proc/$subject/status"
done
explained
