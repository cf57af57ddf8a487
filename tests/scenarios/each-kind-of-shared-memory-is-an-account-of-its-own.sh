# MAP_SHARED without a file, shm_open, shmget and a file on tmpfs each stand in mapped / shared memory.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen shared-memory
explained
kinds=0 sum=0
for kind in anonymous posix sysv tmpfs; do
  has_stated $kind.file || continue
  sum=$((sum + $(stated $kind.file))) kinds=$((kinds + 1))
done
equals "$(booked 'mapped / shared memory')" "$sum" 'all of it'
equals "$(booked 'mapped / shared memory' anonymous)" 0 'none of it is private'
equals "$(json '[.accounts[] | select(.path[:2] == ["mapped", "shared memory"])] | length')" \
  "$kinds" 'the kinds'
json '.accounts[] | select(.path[2] // "" | startswith("System V") and endswith("id " + $id))' \
  --arg id "$(stated sysv.id)" >/dev/null
mapped
for kind in anonymous posix sysv; do
  [[ $(whose "$(stated $kind.address)") == 'mapped / shared memory / '* ]] || fail "whose is $kind?"
done
