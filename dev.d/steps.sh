# dev.d/steps.sh - what ./dev says while it works: steps with elapsed time, errors with a way out.
# Sourced by ./dev; ends what ./dev started when it exits, for whatever reason.

say() { printf '%s\n' "$*" >&2; }
# fail WHAT CAUSE WAY-OUT, as strata itself puts its errors
fail() {
  printf 'error: %s\n' "$1" >&2
  [[ -n ${2:-} ]] && printf '  %s\n' "$2" >&2
  [[ -n ${3:-} ]] && printf 'help: %s\n' "$3" >&2
  exit 2
}

ticker=  # shows the time
target=  # the specimen that demo looks into
guard=   # packages.sh's policy-rc.d
let_go() {
  [[ -n $ticker ]] && kill "$ticker" 2>/dev/null
  [[ -n $target ]] && kill "$target" 2>/dev/null
  [[ -n $guard ]] && as_root rm -f "$guard"
}
trap let_go EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Elapsed time and ninja's or ctest's place: on a terminal in one line that moves, else now and then.
tick() {
  local name=$1 log=$2 begun=$SECONDS place
  while sleep 1 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
    place=$(tail -n 1 "$log" 2>/dev/null | grep -oE '^(\[[0-9]+/[0-9]+\]| *[0-9]+/[0-9]+ Test)')
    if [[ -t 2 ]]; then
      printf '\r\033[K  %s  %d s  %s' "$name" $((SECONDS - begun)) "$place" >&2
    elif ((SECONDS > begun && (SECONDS - begun) % 30 == 0)); then
      say "  $name  $((SECONDS - begun)) s  $place"
    fi
  done
}

# step NAME COMMAND...: output goes to a log; of that, what matters is shown when the command fails:
# from ninja's first FAILED on, else the end.
step() {
  local name=$1 log="$logs/${1//[^a-z0-9]/-}.log" begun=$SECONDS status=0
  shift
  mkdir -p "$logs"
  : >"$log"
  [[ -t 2 ]] || say "  $name ..."
  tick "$name" "$log" &
  ticker=$!
  "$@" >"$log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null
  wait "$ticker" 2>/dev/null
  ticker=
  [[ -t 2 ]] && printf '\r\033[K' >&2
  if ((status)); then
    say "  $name failed after $((SECONDS - begun)) s; from $log:"
    if grep -q '^FAILED: ' "$log"; then sed -n '/^FAILED: /,$p' "$log" | head -n 60 >&2
    else tail -n 60 "$log" >&2; fi
    return "$status"
  fi
  say "  $name: $((SECONDS - begun)) s"
}
