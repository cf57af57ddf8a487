# Each word of tests/scenario.sh passes what holds, fails what does not, and leaves nothing behind.
. "$(dirname "$0")/../scenario.sh"

export ROOT BUILD SPECIMENS KERNEL_SAYS TMPDIR=$work/inner
mkdir "$TMPDIR"
try() {  # EXIT-CODE SCENARIO
  printf '%s\n' '. "$ROOT/tests/scenario.sh"' 'at_exit touch "$TMPDIR/was-cleaned"' \
    "run bash -c 'echo {\\\"a\\\": 3, \\\"b\\\": null}; echo oops >&2; exit 3'" "$2" >inner.sh
  run bash inner.sh
  exits_with "$1"
  [[ -e $TMPDIR/was-cleaned ]] || fail "at_exit was not heeded: $2"
  rm "$TMPDIR/was-cleaned"
  [[ -z $(ls -A "$TMPDIR") ]] || fail "something is left behind: $2"
}

for holds in 'exits_with 3' 'says "a"' 'never_says oops' 'error_says oops' 'error_never_says "a"' \
  'json ".a == 3"' 'equals "$(json .a)" 0x3 three' 'holds "2 < 3" less' 'eventually true' \
  'specimen zero-pages; stated read.size; next=$(stated read.zero); end_specimen' \
  'specimen fork-cow; exists=/proc/$(stated child); eventually test -d "$exists"' \
  'specimen lazy-free; next_stage; stated again.size' 'specimen odd-name; stated name'; do
  try 0 "$holds"
done
for fails in 'exits_with 0' 'says oops' 'never_says "a"' 'error_says "a"' 'error_never_says oops' \
  'json .b' 'json .c' 'x=$(json .b)' 'equals 3 4 message' 'equals 3 "" message' 'holds "3 < 2" less' \
  'patience=0; eventually false' 'false' 'x=$(false)' 'no_such_word' 'specimen no-such-specimen' \
  'specimen zero-pages; stated no.such.key' 'specimen zero-pages; x=$(stated no.such.key)' \
  'program <<<"int main( {"' 'program <<<"int main() {}"; specimen ./program' \
  'specimen threads; kill -KILL $target; next_stage' 'specimen threads; fail because'; do
  try 1 "$fails"
  error_says FAILED
done
try 77 'skip because' && says 'skipped: because'
try 77 'x=$(skip because)' && says 'skipped: because'
try 77 'needs no-such-command' && says 'skipped: needs no-such-command'
try 77 'program <<<"#include \"specimen.h\"
int main() { skip(\"no luck\"); }"; specimen ./program' && says 'no luck'

# Killed, it cannot clean up; what it started ends all the same.
cat >inner.sh <<'END'
. "$ROOT/tests/scenario.sh"
specimen fork-cow
echo "$target $(stated child)" >&"$console"
eventually false
END
bash inner.sh >inner.out 2>&1 &
inner=$!
eventually test -s inner.out
read -r parent child <inner.out
kill -KILL "$inner"
ended() { ! stat_of_ "$1" || [[ $REPLY == Z* ]]; }
eventually ended "$parent"
eventually ended "$child"
