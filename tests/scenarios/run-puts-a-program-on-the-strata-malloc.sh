# strata run makes a program's malloc the Strata one, becomes the program, and says why where it
# cannot: no library, a static or set-user-ID program, a 32-bit one, no program.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/strata-heap.sh"

export STRATA_MALLOC_LIB=$strata_malloc
run strata run -- sh -c 'echo out; echo error >&2; exit 42'
exits_with 42
says out
error_says error
run strata run -- sh -c 'kill -9 $$'
exits_with 137
LD_PRELOAD=/no/such.so run strata run -- sh -c 'echo "$LD_PRELOAD"'
says "$(realpath "$strata_malloc"):/no/such.so"

# On it also where it is a script, and found in PATH.
printf '#!/bin/sh\nexec "%s" </dev/stdin\n' "$SPECIMENS/strata-heap" >script
printf '#!/bin/sh\nSTRATA_MALLOC=background:0 exec "%s" run -- ./script\n' "$STRATA" >on-script
chmod +x script on-script
specimen ./on-script
strata_heap_of
strata_heap_agrees
end_specimen

run strata run
exits_with 2
error_says 'needs a program behind --'
run strata run sh
exits_with 2
error_says 'strata run -- CMD'
run strata run -- no-such-program-anywhere
exits_with 2
error_says 'no program of that name is in PATH'
run strata run -- ./no-such-file
exits_with 2
error_says 'check the path'
run strata run -- "$SPECIMENS/static"
exits_with 2
error_says 'it is a static executable'
run strata run -- "$SPECIMENS/static-pie"
exits_with 2
error_says 'it is a static executable'
if [[ -x $SPECIMENS/bit32 ]]; then
  run strata run -- "$SPECIMENS/bit32"
  exits_with 2
  error_says '32-bit program'
fi
STRATA_MALLOC_LIB=/no/such.so run strata run -- true
exits_with 2
error_says 'STRATA_MALLOC_LIB names /no/such.so'
mkdir 'a b'
cp "$strata_malloc" 'a b/'
STRATA_MALLOC_LIB=$PWD/a\ b/libstrata-malloc.so run strata run -- true
exits_with 2
error_says 'a space or a colon'
cp "$STRATA" alone
run env -u STRATA_MALLOC_LIB ./alone run -- true
exits_with 2
error_says 'there is no libstrata-malloc.so beside'
if ((EUID == 0)); then
  cp "$(type -P true)" privileged
  chown 1 privileged
  chmod u+s privileged
  run strata run -- ./privileged
  exits_with 2
  error_says 'privileges of its own'
fi
run strata run --help
exits_with 0
says 'STRATA_MALLOC'
says '-lstrata-malloc'
# Each option that the library knows is there, with its value, what it does and its preset.
keys=$(sed -n 's/^    {"\([a-z_]*\)", OptionUnit::.*/\1/p' "$ROOT/abi/malloc_options.h")
[[ $keys ]] || fail 'no options are found in abi/malloc_options.h'
for key in $keys; do grep -Eq "^  $key:(0\|1|MS|BYTES) +[a-z].*" stdout || fail "help has no $key"; done
says 'quarantine:BYTES'
says '(default 1M)'
# And what is said there the library takes.
for key in $keys; do
  STRATA_MALLOC=$key:1 run strata run -- sh -c :
  exits_with 0
  error_never_says "$key"
done
STRATA_MALLOC=none:1 run strata run -- sh -c :
error_says "STRATA_MALLOC: 'none:1' has no such key; ignored"
