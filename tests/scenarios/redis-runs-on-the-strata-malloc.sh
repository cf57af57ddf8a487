# redis-server, which is linked to jemalloc, is on the Strata malloc under strata run: all that it has
# is read from there, and the ledger adds up.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"
needs redis-server redis-cli

export STRATA_MALLOC_LIB=$strata_malloc STRATA_MALLOC=background:0
"$STRATA" run -- redis-server --port 0 --unixsocket "$PWD/socket" --save '' --dir "$PWD" \
  --hz 1 --activedefrag no >redis.said 2>&1 &
target=$!
answers() { [[ $(redis-cli -s "$PWD/socket" PING 2>/dev/null) == PONG ]]; }
eventually answers
redis-cli -s "$PWD/socket" EVAL \
  "for i = 1, 50000 do redis.call('SET', 'key:' .. i, string.rep('v', 100)) end" 0 >/dev/null
strata_heap_of
holds "$(json .totals.live_blocks) >= 100000" 'a key and a value each'
holds "$(json .totals.live_bytes) > (5 << 20)" 'live bytes'
explained
equals "$(json .reconciliation.remainder_bytes)" 0 'what the accounts leave of VmRSS'
holds "$(booked 'heap / strata') > (5 << 20)" 'its heap'
# Its constructor has run, and what that took is there.
holds "$(booked 'heap / jemalloc') < (1 << 20)" 'what jemalloc has'
run strata explain --freeze "$target"
says "the accounts' sum"
says 'equals VmRSS, to the byte'
grep -q ' strata$' stdout || fail 'the heap is not named'
redis-cli -s "$PWD/socket" SHUTDOWN NOSAVE >/dev/null 2>&1 || true
wait "$target"
