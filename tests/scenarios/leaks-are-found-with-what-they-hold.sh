# Of blocks that are lost each is found, by address, and none that is held or freed is, live and in
# a core. What is known to be missed is what the specimen hides from everybody.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"
needs gcore

specimen leak-known
direct=$(($(stated leak.direct) + 1))  # of the cycle one stands for all
missed=$(stated miss.chunks)

leaks_of
exits_with 1
found >live
expect_only direct cyclic
equals "$(json .totals.direct_chunks)" $((direct + missed)) 'direct leaks'
equals "$(json .totals.indirect_chunks)" \
  $(($(stated leak.chunks) - direct)) 'indirect leaks'
equals "$(json '.totals | .direct_bytes + .indirect_bytes')" "$(chunk_bytes_of leak miss)" \
  'all bytes of lost chunks'
equals "$(json '[.leaks[] | select(.cycle)] | length')" 1 'cycles'
equals "$(json '[.leaks[] | select(.cycle) | .indirect_chunks] | add')" \
  $(($(stated leak.cyclic) - 1)) 'blocks that the cycle holds'
# A chain of five and a tree of three and six hang on one block each.
equals "$(json -c '[.leaks[].indirect_chunks | select(. > 0)] | sort')" '[2,5,9]' 'what they hold'
json '.totals.interior_only_chunks >= 1' >/dev/null

run strata leaks "$target"
exits_with 1
says "$(($(stated leak.chunks) + missed)) blocks leaked"
says "$((direct + missed)) by themselves, $(($(stated leak.chunks) - direct)) held by"

leaks_of --no-freeze
exits_with 1
json '.target.frozen | not' >/dev/null
run strata leaks --no-freeze "$target"
says 'may be leaked'
says 'candidates'

run gcore -o core "$target"
exits_with 0
leaks_in core."$target"
exits_with 1
found >dead
cmp live dead || fail 'a core has others'
end_specimen
