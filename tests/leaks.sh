# tests/leaks.sh - words for scenarios of `strata leaks`; included after scenario.sh. They speak of
# $target, a specimen that keeps a book (specimens/leak-book.h), and of what was run last.
#
#   leaks_of [OPTION…]     runs leaks --json; its own sums have to hold
#   leaks_in CORE [OPTION…]  the same of a core
#   found                  the addresses of direct leaks, sorted
#   stated_blocks NAME [KIND…]  addresses that the specimen states as NAME.N.block, of these kinds
#   expect_only KIND…      of what was found, all that is stated as a leak of the first kind, one of
#                          each other kind, and what is stated as missed; nothing else
#   chunk_bytes_of NAME…   of all these blocks, with the header that each has

leaks_in() {
  run strata leaks --json --freeze-limit "${freeze_limit-30s}" "${@:2}" "$1"
  ((exit_code <= 1)) || fail "leaks: exit code $exit_code"
  json 'def holds(f; $what): if f then . else error($what) end;
    holds(.schema == "strata.leaks/1"; "its schema")
    | holds(.totals as $t | [.leaks[]] | (map(.bytes) | add // 0) <= $t.direct_bytes
        and length + $t.left_out_chunks == $t.direct_chunks; "the direct ones")
    | holds(.totals as $t | $t.left_out_chunks > 0
        or ([.leaks[].indirect_chunks] | add // 0) == $t.indirect_chunks
        and ([.leaks[].indirect_bytes] | add // 0) == $t.indirect_bytes; "the indirect ones")
    | holds(.totals | .direct_chunks + .indirect_chunks <= .live_chunks
        and .direct_bytes + .indirect_bytes <= .live_bytes; "no more than is live")
    | holds([.leaks[].address] | length == (unique | length); "one stands there twice")
    ' >/dev/null
}
leaks_of() {
  local no_freeze=
  [[ " $* " != *' --no-freeze '* ]] || no_freeze=1
  if [[ $no_freeze ]]; then
    run strata leaks --json "$@" "$target"
  else
    leaks_in "$target" "$@"
  fi
}

found() { jq -r '.leaks[].address' "$work/here/stdout" | sort; }

stated_blocks() {
  local key kind
  for key in "${!statements[@]}"; do
    [[ $key == "$target:$1."*.block ]] || continue
    kind=${statements[${key%.block}.kind]-}
    [[ $# == 1 || " ${*:2} " == *" $kind "* ]] || continue
    printf '%s\n' "${statements[$key]}"
  done | sort
}

expect_only() {
  local lost kind
  lost=$(comm -23 <(stated_blocks leak "$1") <(found))
  [[ -z $lost ]] || fail "not found: $lost"
  for kind in "${@:2}"; do
    equals "$(comm -12 <(stated_blocks leak "$kind") <(found) | wc -l)" 1 "found of $kind"
  done
  lost=$(comm -13 <(stated_blocks miss) <(found) |
    comm -13 <(stated_blocks leak "$@") -)
  [[ -z $lost ]] || fail "found, and stated as no leak: $lost"
}

chunk_bytes_of() {
  local name key sum=0 usable
  for name; do
    for key in "${!statements[@]}"; do
      [[ $key == "$target:$name."*.usable ]] || continue
      usable=${statements[$key]}
      # A mapped chunk has 16 bytes before it and, from 2.43 on, 8 behind it; an arena's has 8.
      ((sum += usable + (usable % 4096 == 4080 ? 16 : usable % 4096 == 4072 ? 24 : 8)))
    done
  done
  echo "$sum"
}
