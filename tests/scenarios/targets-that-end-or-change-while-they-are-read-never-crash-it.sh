# Targets that exit, execute, fork, map and unmap while they are read, some hundred times: what can be
# shown is shown, or one clear error; never a signal, never an exit code of another meaning.
. "$(dirname "$0")/../scenario.sh"

rounds=${rounds:-8}
look() {  # OPTION…
  time_limit=30 run strata "$@"
  case $exit_code in
    0 | 3) [[ -s stdout ]] || fail 'nothing is shown' ;;
    2)
      [[ ! -s stdout ]] || fail 'an error, and something on stdout'
      [[ $(head -n 1 stderr) == 'error: '* ]] || fail 'no error is said'
      error_says "$target"
      error_never_says 'bug in strata'
      ;;
    *) fail "exit code $exit_code" ;;
  esac
  [[ $exit_code == 2 || $* != *--json* ]] || json . >/dev/null
}
for ((round = 0; round < rounds; ++round)); do
  # Ends, by now or soon, in the midst of what is read.
  specimen exits $((round % 6 * 3))
  echo >&"${to_target[$target]}"
  look explain --json "$target"
  specimen exits $((round % 6 * 3))
  echo >&"${to_target[$target]}"
  look map --freeze "$target"
done
specimen execs
echo >&"${to_target[$target]}"
for ((round = 0; round < rounds; ++round)); do
  look explain --json "$target"
  look map "$target"
  look explain --freeze "$target"
done
for name in forks unmapper; do
  specimen $name
  still=$(stated "$([[ $name == forks ]] && echo written || echo still).address")
  ! has_stated forker || target=$(stated forker)
  for ((round = 0; round < rounds; ++round)); do
    look explain --json "$target"
    look map --pages --json "$target"
    look page --json "$target" "$still"
    look explain --freeze --freeze-limit 20s --json "$target"
    equals "$(json .reconciliation.remainder_bytes)" 0 "$name, frozen: the remainder"
  done
done
