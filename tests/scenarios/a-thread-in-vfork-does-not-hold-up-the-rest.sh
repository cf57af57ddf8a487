# A thread that cannot be stopped is named, the others are frozen, and all run on.
. "$(dirname "$0")/../scenario.sh"

specimen in-vfork
run strata explain --freeze --freeze-limit 2s --json "$target"
exits_with 0
json '.reconciliation.remainder_bytes == 0' >/dev/null
json '[.notes[].text | select(contains($tid))] | length > 0' --arg tid "$(stated waiting.tid)" >/dev/null
next_stage
end_specimen
