# heap --chunks lists every chunk: by state they are the totals, they cover the arenas' regions without
# a gap, and blocks stand there with their size and state; of a target that stands or runs, of a core,
# as text as in JSON. Nothing is written while the target stands, and a reader may leave early.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"
needs jq gdb

# What was listed last against the totals beside it.
adds_up() {
  json 'def holds(f; $what): if f then . else error($what) end;
    (reduce .chunks[] as $c ({}; .[$c.state].bytes += $c.bytes | .[$c.state].chunks += 1)) as $by
    | def bytes($state): $by[$state].bytes // 0;
      def chunks($state): $by[$state].chunks // 0;
    holds($by | keys - ["live", "thread cache", "fast bin", "free", "top", "fence", "not walked",
        "mmapped"] == []; "an unknown state")
    | .totals as $t
    | holds(bytes("live") == $t.live_bytes and chunks("live") == $t.live_chunks; "live")
    | holds(bytes("thread cache") == $t.cached_bytes and chunks("thread cache") == $t.cached_chunks;
        "thread cache")
    | holds(bytes("fast bin") == $t.fast_bytes and chunks("fast bin") == $t.fast_chunks; "fast bin")
    | holds(bytes("top") == $t.top_bytes; "top")
    | holds(bytes("free") + bytes("fast bin") + bytes("top") == $t.free_bytes; "free bytes")
    | holds(chunks("free") + chunks("top") == $t.free_chunks; "free chunks")
    | holds(bytes("not walked") == $t.not_walked_bytes; "not walked")
    | holds(bytes("fence") <= $t.structure_bytes; "fence")
    | holds(bytes("mmapped") == .mmapped.bytes and chunks("mmapped") == .mmapped.chunks; "mmapped")
    | holds(all(.chunks[]; (.arena == null) == (.state == "mmapped")); "an arena is missing")' >/dev/null
  covers_regions
}

covers_regions() {
  json -c '(.arenas[] | .index as $i | .regions[] | ["region", .chunks_start, .chunks_end, $i]),
    (.chunks[] | [.state, .address, .bytes, .arena]) | @tsv' >listed
  perl -e 'my ($last, $at, $end, $arena) = (0, 0, 0, -1); my %regions;
    while (<STDIN>) {
      chomp; my ($state, $from, $to, $of) = split /\t/;
      $from = hex $from;
      if ($state eq "region") { $regions{$from} = [hex $to, $of] if $from < hex $to; next }
      $from -= 16 unless $state eq "not walked";
      die "$_: not by address\n" if $from < $last;
      $last = $from;
      next if $state eq "mmapped";
      if ($at == $end) {
        my $region = delete $regions{$from} or die "$_: no region starts there\n";
        ($at, $end, $arena) = ($from, @$region);
      }
      die sprintf "%s: not at 0x%x\n", $_, $at if $from != $at;
      die "$_: of another arena\n" if $of != $arena;
      $at += $to;
      die "$_: reaches beyond its region\n" if $at > $end;
    }
    die "the last region goes on\n" if $at != $end;
    die "a region is not listed\n" if %regions' <listed 2>gaps || fail "$(<gaps)"
}

# Text has the same rows, by the arenas' names.
same_as_text() {  # OPTION…
  json -c '(.arenas | map({key: "\(.index)", value: .name}) | from_entries) as $names
    | .chunks[] | [.address, .bytes, .state, $names["\(.arena)"] // "-"] | @tsv' >as_json
  run strata heap --chunks "$@" "$target"
  says "($target): $(wc -l <as_json | sed -E ':a;s/([0-9])([0-9]{3})($|,)/\1,\2\3/;ta') chunk"
  sed -nE '/^ +0x/{s/^ +//;s/  +/\t/g;p}' stdout >as_text
  sed -i -E 's/^(0x[0-9a-f]+) /\1\t/' as_text
  cmp as_json as_text || fail 'text lists other chunks than JSON'
  says '  BYTES  STATE         ARENA'
}

# The chunk of the block that $target stated as KEY: its field.
chunk_of() { json ".chunks[] | select(.address == \$at) | .$2" --arg at "$(stated "$1")"; }
is_listed() {  # KEY USABLE STATE…
  local state
  state=$(chunk_of "$1" state)
  [[ " ${*:3} " == *" ${state// /-} "* ]] || fail "$1 is $state instead of ${*:3}"
  if [[ $state == mmapped ]]; then
    holds "$(chunk_of "$1" bytes) >= $(stated "$2") + 16" "$1: its size"
  else
    equals "$(chunk_of "$1" bytes)" $(($(stated "$2") + 8)) "$1: its size"
  fi
}

# ---- every kind of bin: standing, running, from a core ----

specimen heap-bins
gdb --nx --batch -p "$target" -ex 'generate-core-file core' >gdb.said 2>&1 || fail "gdb: $(<gdb.said)"
for of in standing running core; do
  case $of in
    standing) heap_of --chunks ;;
    running) run strata heap --chunks --json "$target" ;;
    core) run strata heap --chunks --json ./core ;;
  esac
  exits_with 0
  adds_up
  [[ $(json '.totals.fast_chunks > 0 | tostring') == true ]] && fast=fast-bin || fast=thread-cache
  for group in small.{0,1,2} large.{0..7} unsorted.{0,1,2} tcache.{0..4}; do
    case $group in
      tcache*) states=thread-cache ;;
      small*) states='thread-cache free' ;;  # those that were freed first are cached
      *) states=free ;;
    esac
    # Of one group the first was split: the block that took its place stands there.
    [[ $(stated "$group.first_freed") == "$(stated split.block)" ]] ||
      is_listed "$group.first_freed" "$group.usable" $states
    [[ $(stated "$group.last_freed") == "$(stated split.block)" ]] ||
      is_listed "$group.last_freed" "$group.usable" $states
    equals "$(chunk_of "$group.first_apart" state)" live "what keeps $group apart"
  done
  for group in fast.{0,1,2}; do
    is_listed "$group.first_freed" "$group.usable" thread-cache
    is_listed "$group.last_freed" "$group.usable" $fast
  done
  is_listed split.block split.usable live
  is_listed above_all.block above_all.usable live
  is_listed last_remainder.freed last_remainder.usable free
  is_listed mapped.block mapped.usable mmapped
done
heap_of --chunks
same_as_text --freeze
run strata heap --chunks --json "$target"
same_as_text
for option in --bins --sizes; do
  run strata heap --chunks "$option" "$target"
  exits_with 2
  error_says "so $option means nothing"
done
end_specimen

# ---- arenas of several regions, and one alone ----

specimen heap-arenas
heap_of --chunks
adds_up
same_as_text --freeze
heap_of --chunks
for ((i = 0; i < 8; ++i)); do
  equals "$(chunk_of "thread.$i.first_live" state)" live "thread $i: its first block"
  equals "$(chunk_of "thread.$i.last_live" state)" live "thread $i: its last block"
  [[ $(chunk_of "thread.$i.first_freed" state) != live ]] || fail "thread $i: what it freed is live"
done
cp stdout all
for ((i = 0; i < $(stated arenas); ++i)); do
  run strata heap --chunks --freeze --freeze-limit 30s --json --arena "$i" "$target"
  exits_with 0
  covers_regions
  same=$(jq -c --argjson i "$i" '.chunks | map(select(.arena == $i))' all | cksum)
  equals "$(json -c .chunks | cksum)" "$same" "the chunks of arena $i, listed alone"
done
end_specimen

# ---- mapped blocks that are aligned or were moved; damage ----

specimen heap-aligned
heap_of --chunks
adds_up
for block in aligned.{0..11} grown moved remapped remapped_aligned cleared cleared_mapped; do
  is_listed "$block.block" "$block.usable" live mmapped
done
end_specimen

specimen heap-corrupt
kind=
for ((i = 0; i < 100; ++i)); do
  [[ $kind || ! $(has_stated "kind.$i" && stated "kind.$i") == size-* ]] || kind=$(stated "kind.$i")
done
end_specimen
specimen heap-corrupt "$kind"
run strata heap --chunks --check --freeze --freeze-limit 10s --json "$target"
exits_with 1
adds_up
json '.damage != [] and any(.chunks[]; .state == "not walked")' >/dev/null
run strata heap --chunks --check --freeze --freeze-limit 10s "$target"
exits_with 1
says '  not walked  '
says ' and 1 gap that was not walked'
says 'what usually does that:'
end_specimen

# ---- a reader that leaves, and one that does not read ----

specimen heap-many 60000
for form in '' --json; do
  run bash -c 'env --default-signal=PIPE "$1" heap --chunks $2 "$3" | head -n 3; exit "${PIPESTATUS[0]}"' \
    - "$STRATA" "$form" "$target"
  exits_with $((128 + $(kill -l PIPE)))
  equals "$(wc -l <stdout)" 3 'lines'
  equals "$(wc -c <stderr)" 0 'errors'
done
# Where the signal is ignored the first piece that cannot be written ends it.
run bash -c 'env --ignore-signal=PIPE "$1" heap --chunks "$2" | head -n 3; exit "${PIPESTATUS[0]}"' \
  - "$STRATA" "$target"
exits_with 2
error_says 'write to standard output: Broken pipe'

mkfifo unread
exec {unread}<>unread
"$STRATA" heap --chunks --freeze "$target" >unread &
lister=$!
is_writing() { [[ $(</proc/$lister/syscall) == "1 0x1 "* ]]; }
eventually is_writing
# The pipe is full, and the target runs.
equals "$(awk '$1 == "TracerPid:" { print $2 }' "/proc/$target/status")" 0 'who traces the target'
[[ $(awk '$1 == "State:" { print $2 }' "/proc/$target/status") == S ]] || fail 'the target is stopped'
kill "$lister"
wait "$lister" || true
end_specimen
