# What is left of a core that a full disk cut off is explained; it is said how much is lost, and the
# exit code is that of a partial view.
. "$(dirname "$0")/../scenario.sh"
needs gcore

specimen threads
run gcore -o core "$target"
[[ -s core.$target ]] || skip 'gcore made no core here'
core=./core.$target
run strata explain "$core"
exits_with 0
whole=$(stat -c %s "$core")
truncate -s $((whole / 2)) "$core"

for command in explain map; do
  run strata "$command" "$core"
  exits_with 3
  says "the core file is truncated: it is $((whole / 2)) bytes of "
done
run strata explain --json "$core"
exits_with 3
json '[.notes[].text | select(contains("truncated"))] | length == 1' >/dev/null
