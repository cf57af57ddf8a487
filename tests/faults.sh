# tests/faults.sh - faults injected, and what strata made of each. For scenarios; after scenario.sh.
#
#   fault WHAT EXITS TEXT ARGUMENT…   strata ARGUMENT… in front of the fault WHAT: it must end with
#                                     one of EXITS ("0 3") and say TEXT ('' where nothing is due)
#
# Whatever the fault: no signal, no "bug in strata", an end within 20 s, at most 512 MiB of address
# space (with a sanitizer, which reserves terabytes, that is not asked), an error that begins with
# "error: " and nothing on stdout beside it, whole JSON where JSON was asked for, no control
# characters, and a target that still runs. Each fault is a row of the table that is printed.

under_sanitizer() { grep -qa '__asan_init\|__tsan_init' "$STRATA"; }
most=(prlimit --as=$((512 << 20)))
! under_sanitizer || most=()

fault() {
  local what=$1 exits=$2 text=$3 said
  shift 3
  # `timeout` must be the last to exec, or --foreground does not see its own child.
  faulty_() { timeout --foreground --kill-after=5 20 "${most[@]}" "$STRATA" "$@"; }
  run faulty_ "$@"
  ran=(strata "$@")
  [[ $exit_code != 124 && $exit_code != 137 ]] || fail "$what: no end within 20 s"
  [[ " $exits " == *" $exit_code "* ]] || fail "$what: exit code $exit_code, not one of: $exits"
  error_never_says 'bug in strata'
  if ((exit_code == 2)); then
    [[ ! -s stdout ]] || fail "$what: an error, and something on stdout"
    [[ $(head -n 1 stderr) == 'error: '* ]] || fail "$what: no error is said"
  elif [[ " $* " == *' --json '* ]]; then
    json . >"$work/whole.json"
  fi
  if LC_ALL=C grep -q $'[\x01-\x08\x0b-\x1f\x7f]' stdout stderr; then fail "$what: control characters"; fi
  [[ -z $text ]] || grep -qF -- "$text" stdout stderr || fail "$what: nobody says: $text"
  [[ -z $target || ! -e /proc/$target/stat ]] || still_runs_ || fail "$what: the target was left stopped"
  said=$(what_it_said_ "$text")
  printf '%-58s exit %s  %s\n' "$what" "$exit_code" "$said" >&"$console"
}
# For the table alone: nothing in here is held against anything.
what_it_said_() (
  set +eE +o pipefail
  trap - ERR
  {
    if [[ -n $1 ]]; then grep -hF -m 1 -- "$1" stderr stdout; else head -n 1 stderr; fi
    if [[ $(head -c 1 stdout) == '{' ]]; then
      jq -r '(.reconciliation.remainder_bytes // empty | "remainder \(.)"),
        ([.accounts[]? | select(.path[0] == "unexplained") | .resident_bytes + .held_bytes]
          | add // empty | "unexplained \(.)"), .notes[]?.text' stdout
    else
      sed -n '/^ *Not seen/,$p' stdout | tail -n +2
    fi
  } 2>/dev/null | tr -s ' ' | sed 's/^ //' | paste -s -d '|' | sed 's/|/; /g' | head -c 150
)
still_runs_() { stat_of_ "$target" && [[ $REPLY != [Tt]* ]]; }

# put FILE OFFSET HEX…: bytes in place, little-endian as they stand
put() {
  local file=$1 offset=$2 byte
  shift 2
  for byte in $*; do printf "\\x$byte"; done |
    dd of="$file" bs=1 seek=$((offset)) conv=notrunc status=none
}
