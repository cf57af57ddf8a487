# Each named heap of the Strata malloc is shown by its name with what the program has in it, exactly,
# in heap and in explain, of a process and of its core; one that was destroyed is not, and no name's
# bytes come out raw.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"
needs gdb

of_heap() {  # NAME FIELD
  json '[.heaps[] | select(.name == $name)] | if length == 1 then .[0][$field] else error("none") end' \
    --arg name "$1" --arg field "$2"
}
agree() {
  local i name
  equals "$(json '.heaps | length')" "$(stated heaps)" 'named heaps'
  for ((i = 0; i < $(stated heaps); ++i)); do
    name=$(stated "heap.$i.name")
    equals "$(of_heap "$name" live_blocks)" "$(stated "heap.$i.live")" "live blocks of $name"
    equals "$(of_heap "$name" live_bytes)" "$(stated "heap.$i.bytes")" "live bytes of $name"
    holds "$(of_heap "$name" held_bytes) >= $(stated "heap.$i.bytes")" "what $name holds"
  done
  equals "$(of_heap parser runs)" "$(stated parser.runs)" 'large blocks'
  equals "$(of_heap parser run_bytes)" "$(stated parser.run_bytes)" 'their bytes'
  equals "$(of_heap objects limit_bytes)" "$(stated objects.limit)" 'a limit'
  equals "$(of_heap objects refused)" "$(stated objects.refused)" 'what was refused'
  equals "$(of_heap objects peak_bytes)" "$(stated heap.2.bytes)" 'a peak'
  json '.heaps[] | select(.name == "parser") | .limit_bytes == null' >/dev/null
  equals "$(of_heap reset held_bytes)" 0 'what is held of one that was reset'
  holds "$(of_heap reset peak_bytes) > 0" 'its peak'
}

on_strata_malloc strata-pools
strata_heap_of
agree
resident=$(json .totals.resident_bytes)
foreseen=$(json .totals.releasable_bytes)
holds "$foreseen > (256 << 10)" 'something is to be released'
explained
equals "$(booked 'heap / strata')" "$resident" 'the heap, in explain'
for ((i = 0; i < $(stated heaps); ++i)); do
  path="heap / strata / named heaps / $(stated "heap.$i.name")"
  equals $(($(booked "$path / live" virtual) + $(booked "$path / large blocks" virtual))) \
    "$(stated "heap.$i.bytes")" "live, in explain: $path"
done
equals "$(booked 'heap / strata / named heaps / parser / large blocks' virtual)" \
  "$(stated parser.run_bytes)" 'large blocks, in explain'
equals "$(booked 'heap / strata / named heaps / gone' virtual)" 0 'what was destroyed'
odd=$(stated heap.1.name)
for command in heap 'explain --all'; do
  run strata $command "$target"
  exits_with 0
  says "$odd"
  says parser
  ! LC_ALL=C grep -q '[^[:print:][:blank:]]' <(LC_ALL=C tr -d '\200-\377' <stdout) ||
    fail 'a raw control byte is in the output'
done
gdb --nx --batch -p "$target" -ex 'generate-core-file core' >gdb.said 2>&1 || fail "gdb: $(<gdb.said)"
run strata heap --json ./core
agree

next_stage
# With units that nobody uses go the pages of their states, a sixteenth as much, which are metadata.
holds "$foreseen <= $(stated trim.released) && $(stated trim.released) <= $foreseen * 17 / 16" \
  'what malloc_trim(0) gave back'
strata_heap_of
equals "$(json .totals.releasable_bytes)" 0 'what is left to be released'
agree

next_stage
# No more than a span of each class may stay, and what is known of all.
holds "$(stated rss_anon.before) > 8 * $(stated rss_anon.after)" 'what was given back'
strata_heap_of
equals "$(json '.heaps | map(.live_bytes + .held_bytes) | add')" 0 'what is left in heaps'
equals "$(json '.heaps | length')" 2 'heaps that were reset'
end_specimen
