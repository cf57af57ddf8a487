# Each way in which a heap is damaged: `heap --check` ends with 1 and names the address, the chunk with
# those beside it and what usually does that; what is sound is counted as it was before, and what
# could not be walked is never called live.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"
. "$ROOT/tests/faults.sh"

check=(heap --check --freeze --freeze-limit 10s --json)
figures() { json -c '.totals | {live_bytes, free_bytes, cached_bytes, not_walked_bytes}'; }

specimen heap-corrupt
fault 'none' 0 '' "${check[@]}" "$target"
equals "$(json '[.damage, .unfinished | length] | add')" 0 'damage where there is none'
whole=$(figures)
kinds=()
for ((i = 0; i < 100; ++i)); do
  ! has_stated "kind.$i" || kinds+=("$(stated "kind.$i")")
done
end_specimen
((${#kinds[@]} >= 11)) || fail "only ${#kinds[@]} kinds of damage"

for kind in "${kinds[@]}"; do
  specimen heap-corrupt "$kind"
  # Where a block was freed twice its list is a ring: the link that closes it and the block are named.
  fault "$kind" 1 "$(stated damage.at)" "${check[@]}" "$target"
  json '.damage | length > 0 and all(.cause != null)' >/dev/null
  json '.damage | any((.address == $at) or (.what | contains($at)))' --arg at "$(stated damage.at)" >/dev/null
  case $kind in
    ring-open) ;;  # about no chunk
    *) json '.damage[0] | .chunk != null and (.before != null or .after != null)' >/dev/null ;;
  esac
  json '.arenas | length == 2' >/dev/null
  json 'all(.arenas[]; .system_bytes == .live_bytes + .cached_bytes + .free_bytes
    + .structure_bytes + .not_walked_bytes)' >/dev/null
  # A block whose size is lost is not walked; nothing else moves from one figure to another.
  case $kind in
    size-*)
      lost=$(json '.totals.not_walked_bytes')
      holds "lost > 0 && lost < 4096" "$kind: bytes not walked"
      equals "$(json '.totals.live_bytes + .totals.not_walked_bytes')" \
        "$(jq .live_bytes <<<"$whole")" "$kind: live and not walked"
      ;;
    *) equals "$(figures)" "$whole" "$kind: the figures" ;;
  esac
  run strata heap --check --freeze --freeze-limit 10s "$target"
  exits_with 1
  says 'what usually does that:'
  # Looking again, for it runs: a target that stands still in its own way is as damaged.
  run strata heap --check "$target"
  exits_with 1
  # `explain` says so too, and shows the rest.
  run strata explain --freeze --freeze-limit 10s --json "$target"
  exits_with 0
  json "any(.notes[]; .text | contains(\"glibc's heap does not hold together\"))" >/dev/null
  end_specimen
done
