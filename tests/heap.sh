# tests/heap.sh - words for scenarios of `strata heap`; included after ledger.sh. All speak of
# $target, and of what was run last.
#
#   heap_of [OPTION…]         runs heap --freeze --json; its own sums have to hold
#   glibc_agrees [KEYS…]      holds its totals against what $target stated of mallinfo2(3)

# What an arena got from the system is, to the byte, live, free, in a cache or a structure.
heap_of() {
  run_frozen_ heap "$@"
  json 'def holds(f; $what): if f then . else error($what) end;
    holds(.schema == "strata.heap/1"; "its schema") | holds(.target.frozen; "not frozen")
    | holds(all(.arenas[]; .system_bytes == .live_bytes + .cached_bytes + .free_bytes
        + .structure_bytes + .not_walked_bytes); "an arena does not add up")
    | holds(.totals as $t | [.arenas[]] | (map(.live_chunks) | add) == $t.live_chunks
        and (map(.resident_bytes) | add) == $t.resident_bytes; "the totals")
    | holds(all(.arenas[]; .free_resident_bytes == .releasable_bytes + .pinned_bytes); "free")
    | holds(all(.arenas[]; ([.bins[].bytes] | add // 0) + .fast_bytes + .top_bytes == .free_bytes);
        "the bins")' >/dev/null
}

# mallinfo2() counts caches as in use. From 2.43 on hblkhd is off by 16 bytes for each mapped chunk
# that was ever freed, so there it is no judge.
glibc_agrees() {
  local totals
  totals=$(json -c .totals)
  local -A ours=(
    [arena]=.system_bytes [fordblks]=.free_bytes [ordblks]=.free_chunks
    [smblks]=.fast_chunks [fsmblks]=.fast_bytes [uordblks]='.system_bytes - .free_bytes'
  )
  local key
  for key in "${!ours[@]}"; do
    equals "$(jq "${ours[$key]}" <<<"$totals")" "$(stated "glibc.$key")" "glibc's $key"
  done
  equals "$(json .mmapped.chunks)" "$(stated glibc.hblks)" "glibc's hblks"
}
