# Each field that --json has, of a process and of a core, stands in docs/json.md, and the required
# ones of the issue are there with their types.
. "$(dirname "$0")/../scenario.sh"
needs jq gdb

specimen threads
gdb --nx --batch -p "$target" -ex 'generate-core-file core' >gdb.said 2>&1 || fail "gdb: $(<gdb.said)"
documented() {  # ARGUMENT…
  run strata "$@"
  [[ $exit_code == 0 || $exit_code == 3 ]] || fail "exit code $exit_code"
  local field
  while IFS= read -r field; do
    grep -qE "[\`.]$field(\[\])?\`" "$ROOT/docs/json.md" ||
      fail "strata $1 --json has a field that docs/json.md does not: $field"
  done < <(jq -r '[paths | map(select(type == "string")) | last] | unique | .[]' stdout)
}
for of in "$target" ./core; do
  documented explain --json "$of"
  json '.accounts | all(.path | type == "array")' >/dev/null
  json '.findings | all((.id | type == "string") and (.bytes | type == "number") and has("do"))' >/dev/null
  documented map --pages --json "$of"
  start=$(json '[.mappings[] | select(.protection == "rw-p")][0].start')
  documented page --json --show-content "$of" "$start"
done
run strata explain --freeze --json "$target"
json '.reconciliation | .remainder_bytes == 0 and .accounts_sum_bytes == .vmrss_bytes' >/dev/null
json '([.accounts[].resident_bytes] | add) == .reconciliation.accounts_sum_bytes' >/dev/null
