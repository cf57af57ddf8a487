# Without root a process of one's own is explained to the byte. That frames are hidden is said where
# one was needed, with what is lost. Another's process is refused, with who and what to do.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
needs_root
needs setpriv

as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
# Neither may lie where nobody cannot come.
chmod 711 "$work" "$work/here"
chmod 777 "$work/pipes".* "$work" 2>/dev/null || true
cp "$STRATA" strata-here
for name in memfd fork-cow lazy-free; do
  cp "$SPECIMENS/$name" "$name-here"
  printf '#!/bin/sh\nexec setpriv --reuid nobody --regid nogroup --clear-groups ./%s-here\n' $name \
    >"start-$name"
  chmod 755 "start-$name" "$name-here"
done
chmod 755 strata-here
strata() { as_nobody timeout 60 ./strata-here "$@"; }

specimen ./start-memfd
explained
equals "$(booked 'mapped / memfd / twice')" "$((2 * $(stated twice.allocated)))" 'mapped twice'
json '.notes == []' >/dev/null
mapped
run strata page --json "$target" "$(stated twice.first.address)"
exits_with 0
json '.page.present and .page.frame == null' >/dev/null
run strata page "$target" "$(stated twice.first.address)"
says 'hidden'

specimen ./start-fork-cow
run strata explain --json "$target"
json '[.notes[].text] == ["forked relatives are not compared page by page: page frames want root " +
  "(CAP_SYS_ADMIN)"]' >/dev/null
specimen ./start-lazy-free
run strata explain --json "$target"
json '[.notes[].text | select(startswith("what MADV_FREE gave up is not told by account: "))]
  | length == 1' >/dev/null

for command in explain 'explain --freeze' map; do
  run strata $command $$
  exits_with 2
  [[ ! -s stdout ]] || fail 'something is on stdout'
  error_says "$$"
  error_says 'help: run the same command with sudo'
done
