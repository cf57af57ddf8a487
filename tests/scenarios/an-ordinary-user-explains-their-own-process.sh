# Without root a process of one's own is explained to the byte; frames are hidden, and that is said.
# Another's is refused, with who and what to do.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
needs_root
needs setpriv

as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups "$@"; }
# Neither may lie where nobody cannot come.
chmod 711 "$work" "$work/here"
chmod 777 "$work/pipes".* "$work" 2>/dev/null || true
cp "$STRATA" strata-here
cp "$SPECIMENS/memfd" memfd-here
cat >start <<'SH'
#!/bin/sh
exec setpriv --reuid nobody --regid nogroup --clear-groups ./memfd-here
SH
chmod 755 start strata-here memfd-here
strata() { as_nobody timeout 60 ./strata-here "$@"; }

specimen ./start
explained
equals "$(booked 'mapped / memfd / twice')" "$((2 * $(stated twice.allocated)))" 'mapped twice'
json '[.notes[].text | select(contains("page frames are hidden"))] | length == 1' >/dev/null
mapped
run strata page --json "$target" "$(stated twice.first.address)"
exits_with 0
json '.page.present and .page.frame == null' >/dev/null
run strata page "$target" "$(stated twice.first.address)"
says 'hidden'

for command in explain 'explain --freeze' map; do
  run strata $command $$
  exits_with 2
  [[ ! -s stdout ]] || fail 'something is on stdout'
  error_says "$$"
  error_says 'help: run the same command with sudo'
done
