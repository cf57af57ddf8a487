# A core has no residency, which is said; it has the mappings, the threads and the stacks that the
# living process had.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
needs gcore

specimen threads
mapped
cp stdout live
run gcore -o core "$target"
[[ -s core.$target ]] || skip 'gcore made no core here'
core=./core.$target

run strata explain --json "$core"
exits_with 0
json '.target.kind == "core" and .resident_bytes == null' >/dev/null
json '.reconciliation | .vmrss_bytes == null and .remainder_bytes == null' >/dev/null
equals "$(json .target.pid)" "$target" 'its PID'
equals "$(json .target.threads)" "$(stated threads)" 'its threads'
equals "$(json '[.accounts[].held_bytes] | add')" "$(json .reconciliation.accounts_sum_bytes)" 'its sum'
# What is not known is null: 0 would say that it was looked at.
json '.beside | (.untouched_bytes | type == "number")
  and ([del(.untouched_bytes)[]] | length == 9 and all(. == null))' >/dev/null
json '.notes | all(.text | contains("root") or contains("smaps") | not)' >/dev/null
run strata explain "$core"
says 'no residency in a core'

# Threads in a core have no name, but their TIDs and stack pointers.
for i in 0 1 2 3; do
  run strata page --json "$core" "$(stated thread.$i.local)"
  exits_with 0
  equals "$(json .space.thread)" "$(stated thread.$i.tid)" "whose is local variable $i?"
  json '.layers[-1].account[-1] == "used"' >/dev/null
  run strata page "$core" "$(stated thread.$i.local)"
  core_says=$(grep -o '[0-9]* bytes above the stack pointer' stdout)
  run strata page "$target" "$(stated thread.$i.local)"
  says "$core_says"
  run strata page "$core" "$(stated touched.$i.address)"
  says 'a core file holds no page tables'
done

run strata map --json "$core"
exits_with 0
json '[.mappings[].evidence // "" | select(contains("/proc"))] == []' >/dev/null
of_file=$(json '[.mappings[] | select(.name // "" | startswith("/"))][0].start')
# gcore leaves out what cannot be read.
json '.totals | .size_bytes > 0 and ([del(.size_bytes)[]] | length == 10 and all(. == null))' >/dev/null
json '[.mappings[] | select(.protection | startswith("r")) | [.start, .end]]
  - [$live[0].mappings[] | [.start, .end]] == []' --slurpfile live live >/dev/null
run strata page --json "$core" "$of_file"
json '.layers[0].evidence | contains("NT_FILE")' >/dev/null
