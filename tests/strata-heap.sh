# tests/strata-heap.sh - words for scenarios of the Strata malloc's heap; included after ledger.sh.
# All speak of $target, and of what was run last.
#
#   on_strata_malloc NAME [ARG…]   starts a specimen with the library preloaded, which gives nothing
#                         back by itself: what stands, stands; $strata_malloc_options are others
#   strata_heap_of [OPTION…]  runs heap --freeze --json; its own sums have to hold
#   strata_heap_agrees    holds it against what the specimen strata-heap stated, class by class

strata_malloc=${STRATA_MALLOC_LIB:-$BUILD/lib/libstrata-malloc.so}
[[ -e $strata_malloc ]] || skip "there is no $strata_malloc: a build with a sanitizer has none"

on_strata_malloc() {
  # The words of start_specimen are not to run on it.
  cat >"on-$1" <<END
#!/bin/sh
exec env STRATA_MALLOC=${strata_malloc_options-background:0} LD_PRELOAD='$strata_malloc' '$SPECIMENS/$1' "\$@"
END
  chmod +x "on-$1"
  specimen "./on-$1" "${@:2}"
}

strata_heap_of() {
  run_frozen_ heap "$@"
  strata_sums_hold_
  json 'if .target.frozen then . else error("not frozen") end' >/dev/null
}
strata_sums_hold_() {
  json 'def holds(f; $what): if f then . else error($what) end;
    def total(f): map(f) | add // 0;
    holds(.schema == "strata.heap-spans/1"; "its schema")
    | holds((.classes | total(.live_bytes)) + .runs.live_bytes == .totals.live_bytes; "live bytes")
    | holds((.classes | total(.live_blocks)) + .runs.live_runs == .totals.live_blocks; "live blocks")
    | holds(all(.classes[]; .live_bytes == .live_blocks * .block_bytes); "a class")
    | holds((.classes | total(.spans)) == (.arenas + .heaps | total(.spans)); "spans by class and by arena")
    | holds(.spans as $s | (.classes | total(.spans)) + $s.small_free_units + $s.medium_free_units
        == $s.small_units + $s.medium_units; "units")
    | holds((.arenas + .heaps | total(.live_bytes)) - (.heaps | total(.run_bytes))
        == (.classes | total(.live_bytes)); "arenas and named heaps")
    | holds(.totals | .not_walked_bytes == 0 and .odd_states == 0 and .miscounted_spans == 0;
        "all is walked")
    | holds(.totals.resident_bytes == .spans.small_resident_bytes + .spans.medium_resident_bytes
        + .spans.named_heap_resident_bytes
        + .runs.live_resident_bytes + .runs.free_resident_bytes + .metadata.resident_bytes
        + .totals.never_used_resident_bytes;
        "what is resident")' >/dev/null
}

strata_heap_agrees() {
  local kind
  for ((kind = 0; kind < $(stated classes); ++kind)); do
    equals "$(json '[.classes[] | select(.block_bytes == $size)][0].live_blocks' \
      --argjson size "$(stated "class.$kind.usable")")" "$(stated "class.$kind.live")" \
      "live blocks of $(stated "class.$kind.usable") bytes"
  done
  equals "$(json .runs.live_runs)" "$(stated runs.live)" 'live runs'
  equals "$(json .runs.live_bytes)" "$(stated runs.bytes)" 'bytes of live runs'
}
