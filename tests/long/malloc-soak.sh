# The malloc's memory is steady under an hour of mixed load (tests/malloc/soak.cc): with the same live
# bytes after each cycle, resident memory does not grow (tests/malloc/soak.awk says how much it may
# vary), and no block's contents change.
#   MINUTES=60          `ctest -C Long` asks for 10, of cycles of 40 s
#   CYCLE=120           seconds
#   LOAD=50             percent of one processor
#   SEED=N              what is asked for by chance; else another one each time, which is printed
#   OUT=FILE            every sample
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
soak=$BUILD/bin/tests/malloc/soak
[[ -x $soak ]] || fail "there is no $soak: build the target malloc_soak"

out=${OUT:-$BUILD/malloc-soak.tsv}
status=0
preloaded "$soak" --minutes "${MINUTES:-60}" --cycle "${CYCLE:-120}" --load "${LOAD:-50}" \
  ${SEED:+--seed "$SEED"} >"$out" 2>errors </dev/null || status=$?
((status == 0)) || fail "it ended with $status: $(head -n 5 errors) $(head -n 1 "$out")"
awk -f "$ROOT/tests/malloc/soak.awk" "$out" || fail "resident memory is not steady, see $out"
