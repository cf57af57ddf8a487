# --why gives a shortest path to a block that is held: it begins where the specimen keeps its
# pointer, and each step is held by the one before. Of a lost block it says that nothing leads to
# it.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"

specimen leak-known
# By what the specimen says of a block: where its path begins, and how many steps it has.
declare -A begins=(
  [data]='data' [bss]='data' [interior]='data' ['low tag']='data'
  [stack]="main's stack" ['stack of a thread']='the stack of thread'
  [thread-local]='thread-local storage' [thread-specific]='thread-local storage'
  ['thread-local of a thread']='thread-local storage' [register]='a register of thread'
  [mapping]='anonymous mapping' ['mapped block']='data' [list]='data'
)
declare -A lengths=()
for ((i = 0; i < $(stated not.chunks); ++i)); do
  what=$(stated "not.$i.what") block=$(stated "not.$i.block")
  leaks_of --why "$block"
  json '.why[0].what | contains($where)' --arg where "${begins[$what]}" >/dev/null
  json '.why[-1] | .block == $block and .usable_bytes == ($usable | tonumber)' \
    --arg block "$block" --arg usable "$(stated "not.$i.usable")" >/dev/null
  json '.why as $w | all(range(1; $w | length); $w[.].at == $w[. - 1].block)' >/dev/null
  lengths[$what]+="$(json '.why | length') "
done
equals "${lengths[data]}" '1 1 1 ' 'steps to what data holds'
equals "${lengths['mapped block']}" '2 ' 'steps through a mapped block'
equals "${lengths[list]}" '2 3 4 ' 'steps along a list'
equals "${lengths[register]}" '1 ' 'steps from a register'

run strata leaks --why "$(stated not.0.block)" "$target"
says 'How it is reached'
leaks_of --why "$(stated leak.0.block)"
json '.why | length == 0' >/dev/null
run strata leaks --why "$(stated leak.0.block)" "$target"
says "no root leads to the block at $(stated leak.0.block)"
run strata leaks --why "$(stated freed.0.block)" "$target"
says 'is in no live block'
end_specimen
