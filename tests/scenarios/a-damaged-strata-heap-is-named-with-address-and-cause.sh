# Each way in which what the Strata malloc keeps is damaged: `heap --check` ends with 1 and names the
# address, the block and what usually does that, of a target that stands, one that runs, and a core;
# `heap` and `leaks` end all the same, and say what could not be walked.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"
. "$ROOT/tests/faults.sh"
needs gcore

check=(heap --check --json)

on_strata_malloc strata-corrupt
fault 'none' 0 '' "${check[@]}" "$target"
equals "$(json '[.damage, .unfinished | length] | add')" 0 'damage where there is none'
kinds=()
for ((i = 0; i < 100; ++i)); do
  ! has_stated "kind.$i" || kinds+=("$(stated "kind.$i")")
done
end_specimen
((${#kinds[@]} >= 13)) || fail "only ${#kinds[@]} kinds of damage"

# What lies on named heaps' shelves is as it should be, and so are guards and what is kept back.
on_strata_malloc strata-pools
fault 'named heaps' 0 '' "${check[@]}" "$target"
equals "$(json '[.damage, .unfinished | length] | add')" 0 'damage of named heaps'
end_specimen
strata_malloc_options=background:0,harden:1 on_strata_malloc strata-heap
fault 'hardened' 0 '' "${check[@]}" "$target"
equals "$(json '[.damage, .unfinished | length] | add')" 0 'damage where harden is on'
end_specimen

for kind in "${kinds[@]}"; do
  on_strata_malloc strata-corrupt "$kind"
  fault "$kind" 1 "$(stated damage.at)" "${check[@]}" --freeze --freeze-limit 10s "$target"
  json '.damage | length > 0 and all(.cause != null)' >/dev/null
  json '.damage | any(.address == $at)' --arg at "$(stated damage.at)" >/dev/null
  if has_stated damage.block; then
    json '.damage | any(.block == $block)' --arg block "$(stated damage.block)" >/dev/null
  fi
  fault "$kind, it runs" 1 "$(stated damage.at)" "${check[@]}" "$target"
  run strata heap --check "$target"
  exits_with 1
  says 'what usually does that:'
  fault "$kind, its blocks" '0 1 3' '' heap --chunks --check --json "$target"
  fault "$kind, leaks" '0 1' '' leaks --json "$target"
  run gcore -o core "$target"
  exits_with 0
  fault "$kind, a core" 1 "$(stated damage.at)" "${check[@]}" "core.$target"
  end_specimen
done
