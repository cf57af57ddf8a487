# heap --chunks lists every block on the Strata malloc: by state they are the totals, they cover what
# was ever used without a gap, and what the program has is live there; of a target that stands, that
# runs, of a core, and as text. --bins says how full the spans of each class are, and adds up.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"
needs jq gcore

adds_up() {
  json 'def holds(f; $what): if f then . else error($what) end;
    (reduce .chunks[] as $c ({}; .[$c.state].bytes += $c.bytes | .[$c.state].chunks += 1)) as $by
    | def bytes($state): $by[$state].bytes // 0;
      def chunks($state): $by[$state].chunks // 0;
    .totals as $t | .runs as $r
    | holds($by | keys - ["live", "thread cache", "free", "never cut", "span end", "free unit",
        "free run", "given back"] == []; "an unknown state")
    | holds(bytes("live") == $t.live_bytes and chunks("live") == $t.live_blocks; "live")
    | holds(bytes("thread cache") == $t.cached_bytes and chunks("thread cache") == $t.cached_blocks;
        "thread cache")
    | holds(bytes("free") == $t.free_bytes and chunks("free") == $t.free_blocks; "free")
    | holds(bytes("free run") == $r.dirty_bytes; "free runs")
    | holds([.chunks[] | select(.state == "live" and .class == null) | .bytes] | add
        == $r.live_bytes; "runs")
    | holds(chunks("free unit") == .spans.small_free_units + .spans.medium_free_units
        - .spans.small_given_back_units - .spans.medium_given_back_units; "free units")
    | holds([.chunks[] | .address] | length == (unique | length); "one stands there twice")' >/dev/null
  # Two zones and the runs: three stretches, each without a gap.
  json -c '.chunks[] | [.address, .bytes] | @tsv' |
    perl -ne 'chomp; my ($at, $bytes) = split /\t/; $at = hex $at;
      die "$_: not by address\n" if $at < ($end // 0);
      ++$stretches if $at != ($end // 0);
      $end = $at + $bytes;
      END { die "$stretches stretches\n" if $stretches > 3 }' 2>gaps || fail "$(<gaps)"
}
is_live() {  # KEY
  json '.chunks[] | select(.address == $at) | .state == "live"' --arg at "$(stated "$1")" >/dev/null
}

# Every kind of block.
on_strata_malloc strata-heap
strata_heap_of --chunks
adds_up
is_live run.block
is_live small.block
end_specimen

# Standing, running, from a core; by arena, to which no runs belong.
on_strata_malloc strata-corrupt
run gcore -o core "$target"
exits_with 0
for of in standing running core arena; do
  case $of in
    standing) strata_heap_of --chunks ;;
    running) run strata heap --chunks --json "$target" ;;
    core) run strata heap --chunks --json "core.$target" ;;
    arena) run strata heap --chunks --json --arena 0 "$target" ;;
  esac
  exits_with 0
  is_live live.block
  if [[ $of == arena ]]; then
    equals "$(json -c .chunks | cksum)" "$same" 'the blocks of arena 0, listed alone'
  else
    adds_up
    is_live live.run
    same=$(json -c '.chunks | map(select(.arena == 0))' | cksum)
  fi
done

# Text has the same rows.
run strata heap --chunks --json "$target"
json -c '.chunks[] | [.address, .bytes, .state, .arena // "-"] | @tsv' >as_json
run strata heap --chunks "$target"
sed -nE '/^ +0x/{s/^ +//;s/  +/\t/g;p}' stdout | sed -E 's/^(0x[0-9a-f]+) /\1\t/' >as_text
cmp as_json as_text || fail 'text lists other blocks than JSON'
for option in --bins --sizes; do
  run strata heap --chunks "$option" "$target"
  exits_with 2
  error_says "so $option means nothing"
done
end_specimen

# How full spans are.
on_strata_malloc strata-heap
strata_heap_of --bins
json 'def holds(f; $what): if f then . else error($what) end;
  holds((.bins | length) == (.classes | length); "classes")
  | holds(all(.bins[]; .spans == .spans_empty + .spans_below_quarter + .spans_below_half
      + .spans_below_three_quarters + .spans_below_all + .spans_full); "spans by how full they are")
  | .classes as $c
  | holds(all(.bins[]; . as $b | $c[] | select(.block_bytes == $b.block_bytes)
      | .live_blocks == $b.live_blocks and .free_blocks == $b.free_blocks and .spans == $b.spans);
      "blocks")
  | holds(all(.bins[]; .live_percent >= 0 and .live_percent <= 100); "percent")
  # Of free blocks in spans all is pinned but whole pages, which are resident or were given back.
  | holds((.bins | map(.pinned_bytes) | add) >= .totals.pinned_bytes; "what is pinned")
  | holds((.bins | map(.pinned_bytes) | add) <= .totals.free_bytes; "no more than is free")' >/dev/null
run strata heap --bins "$target"
exits_with 0
says 'How full spans are, by class'
says 'sorted by pinned bytes'

# Two threads' arenas stand under their names.
strata_heap_of
equals "$(json '[.arenas[] | select(.idle)] | length')" 0 'arenas that no thread has'
json '.arenas | any(.thread == $tid)' --argjson tid "$target" >/dev/null
end_specimen

# What is a named heap's stands there with its name: its blocks, its large ones, how full its spans
# are; the other spans are threads'.
on_strata_malloc strata-pools
strata_heap_of --chunks
adds_up
for ((i = 0; i < $(stated heaps); ++i)); do
  name=$(stated "heap.$i.name")
  equals "$(json -c '[.chunks[] | select(.state == "live" and .heap == $name) | .bytes] | [length, add // 0]' \
    --arg name "$name")" "[$(stated "heap.$i.live"),$(stated "heap.$i.bytes")]" "blocks of $name"
done
equals "$(json '[.chunks[] | select(.heap == "parser" and .class == null)] | length')" \
  "$(stated parser.runs)" 'large blocks of a heap'
json '.chunks | all(.heap == null or .arena == null) and any(.arena != null)' >/dev/null
run strata heap --chunks "$target"
exits_with 0
grep -qE '^ +0x[0-9a-f]+ .* live .* parser$' stdout || fail 'text does not name the heap'
strata_heap_of --bins
json 'def holds(f; $what): if f then . else error($what) end;
  def of($name; f): [.bins[] | select(.heap == $name) | f] | add // 0;
  . as $all
  | holds(all(.heaps[]; . as $h | ($all | of($h.name; .live_blocks)) + $h.runs == $h.live_blocks
      and ($all | of($h.name; .spans)) == $h.spans); "blocks of heaps")
  | holds((.arenas | map(.spans) | add) == of(null; .spans); "spans of threads")
  | holds(all(.classes[]; . as $c | [$all.bins[] | select(.block_bytes == $c.block_bytes)]
      | (map(.spans) | add) == $c.spans and (map(.live_blocks) | add) == $c.live_blocks
        and (map(.free_blocks) | add) == $c.free_blocks); "classes")' >/dev/null
run strata heap --bins "$target"
grep -qE 'FULL +BLOCK +HEAP$' stdout || fail 'text does not say whose spans they are'
end_specimen
