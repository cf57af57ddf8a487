# Each field that --json has, of a process and of a core, stands in docs/json.md where that command's
# are, under the field that it is part of; and the required ones are there with their types.
. "$(dirname "$0")/../scenario.sh"
needs jq gdb

# The page as lines "COMMAND FIELD" and "COMMAND FIELD PART", of all commands as "command". A part
# is named in its field's row, or has a row under a heading of the field's own.
awk '
  function plain(cell) { gsub(/[` ]|\[\]/, "", cell); return cell }
  /^## / { section = $NF; field = "" }
  /^### / { field = plain(substr($0, 5)) }
  /^\| `/ {
    split($0, cell, "|")
    name = plain(cell[2])
    if (field != "") name = field " " name
    print section, name
    for (text = $0; match(text, /`[a-z_]+`/); text = substr(text, RSTART + RLENGTH))
      print section, name, substr(text, RSTART + 1, RLENGTH - 2)
  }' "$ROOT/docs/json.md" >fields

is_documented() {  # COMMAND 'FIELD [PART]'
  grep -qxE "($1|command) $2" fields
}
fields_of() {  # of the last run: FIELD, and FIELD PART of objects and of arrays of them
  jq -r '[paths | map(select(type == "string")) | select(length > 0)] | unique | .[] | join(" ")' \
    stdout
}
documented() {  # ARGUMENT…; in the section named $section, or as the command is
  run strata "$@"
  [[ $exit_code != 2 ]] || fail "exit code $exit_code"
  local field count=0
  while IFS= read -r field; do
    is_documented "${section-$1}" "$field" ||
      fail "strata $1 --json has a field that docs/json.md does not say of it: $field"
    ((++count))
  done < <(fields_of)
  ((count >= 3)) || fail "strata $1 --json has $count fields"
}

# The check itself: a field of another command or of another object is none.
is_documented explain 'accounts path' || fail 'accounts[].path is not found'
is_documented page 'notes text' || fail 'notes[].text of any command is not found'
for undocumented in 'explain mappings' 'map accounts' 'map target threads' 'page beside' \
  'explain beside path' 'explain no_such'; do
  ! is_documented ${undocumented%% *} "${undocumented#* }" || fail "it is documented: $undocumented"
done

specimen threads
gdb --nx --batch -p "$target" -ex 'generate-core-file core' >gdb.said 2>&1 || fail "gdb: $(<gdb.said)"
for of in "$target" ./core; do
  documented explain --json "$of"
  json '.accounts | all(.path | type == "array")' >/dev/null
  json '.findings | all((.id | type == "string") and (.bytes | type == "number") and has("do"))' >/dev/null
  documented explain --findings-only --json "$of"
  equals "$(jq -r 'keys_unsorted | map("`\(.)`") | join(", ")' stdout)" \
    "$(sed -n 's/^With `--findings-only` there are \(.*\), and nothing else\.$/\1/p' "$ROOT/docs/json.md")" \
    'what --findings-only has'
  documented heap --json "$of"
  documented heap --chunks --json "$of"
  documented map --pages --json "$of"
  start=$(json '[.mappings[] | select(.protection == "rw-p")][0].start')
  documented page --json --show-content "$of" "$start"
done
explained=$target
specimen leak-known
documented leaks --json --why "$(stated not.0.block)" "$target"
end_specimen
if [[ -e $BUILD/lib/libstrata-malloc.so ]]; then
  . "$ROOT/tests/strata-heap.sh"
  for of in strata-heap strata-pools; do
    on_strata_malloc "$of"
    section=malloc documented heap --json "$target"
    section=malloc documented heap --bins --json "$target"
    section=malloc documented heap --chunks --json "$target"
    run strata profile --start 16K --json "$target"
    json '.schema == "strata.profile-switch/1" and .mean_bytes == 16384' >/dev/null
    documented profile --json "$target"
    end_specimen
  done
  on_strata_malloc strata-corrupt free-count
  section=malloc documented heap --check --json "$target"
  json '.damage | length > 0' >/dev/null
  end_specimen
fi
target=$explained
run strata explain --freeze --json "$target"
json '.reconciliation | .remainder_bytes == 0 and .accounts_sum_bytes == .vmrss_bytes' >/dev/null
json '([.accounts[].resident_bytes] | add) == .reconciliation.accounts_sum_bytes' >/dev/null
