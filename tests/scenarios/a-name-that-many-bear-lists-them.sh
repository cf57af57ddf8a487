# Of several processes of one name none is chosen: they are listed with PID and size, largest first.
. "$(dirname "$0")/../scenario.sh"

cp "$SPECIMENS/bulk" ./of-one-name
pids=()
for size in 1048576 8388608; do
  specimen ./of-one-name $size 1 small
  pids+=("$target")
  if ((${#pids[@]} == 1)); then
    run strata explain of-one-name
    exits_with 0
    says "of-one-name ($target)"
  fi
done
run strata explain of-one-name
exits_with 2
[[ ! -s stdout ]] || fail 'something is on stdout'
error_says '2 processes are called of-one-name'
error_says 'help: '
grep -oE '^ +[0-9]+ ' stderr | tr -d ' ' >listed
equals "$(paste -sd' ' listed)" "${pids[1]} ${pids[0]}" 'who is listed, largest first'
