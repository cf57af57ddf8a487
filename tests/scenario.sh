# tests/scenario.sh - what a scenario is written in. A scenario is one bash file that proves one
# sentence, its name; it starts with   . "$(dirname "$0")/../scenario.sh"
#
#   specimen NAME [ARG…]      start specimens/NAME (or ./program) and wait until it is ready; $target
#                             is its PID. What this machine lacks skips the scenario.
#   stated KEY                a value that $target has stated; has_stated KEY asks whether it has
#   next_stage, end_specimen  let $target go on until it is ready again; let it end and wait for it
#   program [FLAG…] <<'END'   compile C++ as ./program; it may include "specimen.h"
#   run CMD…                  run it; `strata` is the built one. Keeps output, errors and exit code
#   exits_with N              of the last run; $exit_code and the files stdout and stderr have it all
#   says TEXT, never_says TEXT, error_says TEXT, error_never_says TEXT
#   json EXPR [JQ-ARG…]       what jq makes of stdout, printed; false, null and no JSON fail
#   equals A B MESSAGE        two texts or numbers; holds 'EXPR' MESSAGE is bash arithmetic, hex too
#   eventually CMD…           until CMD succeeds, for at most $patience seconds
#   kernel_says KEY ADDRESS SIZE [PID]   the kernel's own word (keys: tests/kernel-says.c)
#   needs_root, needs CMD…, skip REASON, fail MESSAGE
#   with_swap, with_hugetlb N            root: for this scenario only, or it is skipped
#   at_exit CMD…              also when the scenario fails
#
# A scenario works in an empty directory of its own; a command that fails unasked fails it. With
# several specimens keep their PIDs and set target=PID to speak of another. Nothing waits for time to
# pass, only, within bounds, for things to happen.

set -eEu -o pipefail
shopt -s inherit_errexit
export LC_ALL=C NO_COLOR=1 TERM=dumb
unset CLICOLOR_FORCE FORCE_COLOR COLUMNS

ROOT=${ROOT:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
if [[ -z ${BUILD:-} ]]; then  # by hand, without ctest: the build that was made last
  BUILD=$(find "$ROOT/build" -maxdepth 2 -name build.ninja -printf '%T@ %h\n' | sort -n | tail -n 1)
  BUILD=${BUILD#* }
fi
STRATA=${STRATA:-$BUILD/bin/strata}
SPECIMENS=${SPECIMENS:-$BUILD/bin/specimens}
KERNEL_SAYS=${KERNEL_SAYS:-$BUILD/bin/tests/kernel-says}

patience=30
target=
exit_code=
ran=()
cleaners=()
latest=()                 # the keys that were stated last, in order
declare -A statements=()  # by PID:KEY
declare -A to_target=() from_target=() errors_of_target=()  # by PID
exec {console}>&1 {console_errors}>&2
work=$(mktemp -d "${TMPDIR:-/tmp}/strata-scenario.XXXXXX")
mkdir "$work/here"
cd "$work/here"

# ---- how it ends ----

fail() {
  trap - ERR
  local frame=1  # the innermost that is the scenario's own
  while [[ ${BASH_SOURCE[frame]-} == "${BASH_SOURCE[0]}" ]]; do ((++frame)); done
  {
    printf 'FAILED: %s\n' "$1"
    printf '  at %s:%s\n' "${BASH_SOURCE[frame]}" "${BASH_LINENO[frame - 1]}"
    if ((${#ran[@]})); then
      printf '  run:'
      printf ' %q' "${ran[@]}"
      printf '\n  exit code: %s\n' "${exit_code:-none yet}"
      show_ out "$work/here/stdout"
      show_ err "$work/here/stderr"
    fi
  } >&"$console_errors"
  # In $(…) an exit would end the substitution alone.
  ((BASHPID == $$)) || kill -TERM $$
  exit 1
}

show_() {
  [[ -s $2 ]] || return 0
  { head -c 20000 "$2" | cat -v | head -n 200 | sed "s/^/  $1| /"; } || true
}

skip() {
  printf 'skipped: %s\n' "$1" >&"$console"
  ((BASHPID == $$)) || kill -USR1 $$
  exit 77
}

at_exit() { cleaners+=("$(printf '%q ' "$@")"); }

finish_() {
  local code=$? i pid IFS=$' \t\n'  # a `read` may have been cut off that had another
  trap - EXIT ERR
  trap '' TERM INT HUP USR1
  set +eu
  {
    for pid in $(jobs -p); do
      # A PID that was waited for may by now be another's.
      parent_of_ "$pid" && ((REPLY == $$)) && kill -KILL "$pid"
    done
    wait
  } 2>/dev/null  # bash would tell of each that was killed
  for ((i = ${#cleaners[@]} - 1; i >= 0; --i)); do eval "${cleaners[i]}"; done
  cd /
  rm -rf "$work"
  exit "$code"
}
trap finish_ EXIT
trap 'exit 1' TERM INT HUP
trap 'exit 77' USR1
trap 'fail "this failed unasked: $BASH_COMMAND"' ERR

# The fields of /proc/PID/stat after the name, which may hold anything.
stat_of_() {
  local stat=
  IFS= read -r -d '' stat 2>/dev/null <"/proc/$1/stat" || [[ $stat ]] || return 1
  REPLY=${stat##*) }
}
parent_of_() {
  local fields
  stat_of_ "$1" && read -r -a fields <<<"$REPLY" && REPLY=${fields[1]}
}

# ---- specimens ----

# Starts one; it may state skip=.
start_specimen() {
  local file=$1 pipes to from
  [[ $file == */* ]] || file=$SPECIMENS/$file
  [[ -x $file ]] || fail "there is no specimen $file"
  pipes=$(mktemp -d "$work/pipes.XXXXXX")
  mkfifo "$pipes/to" "$pipes/from"
  exec {to}<>"$pipes/to"
  (
    # What holds a pipe's other end keeps its reader from seeing the end.
    for fd in "$to" "${to_target[@]}" "${from_target[@]}" "$console" "$console_errors" ${lock:-}; do
      exec {fd}>&-
    done
    exec "$file" "${@:2}"
  ) <"$pipes/to" >"$pipes/from" 2>"$pipes/errors" &
  target=$!
  exec {from}<"$pipes/from"
  to_target[$target]=$to
  from_target[$target]=$from
  errors_of_target[$target]=$pipes/errors
  listen_
}

specimen() {
  start_specimen "$@"
  ! has_stated skip || skip "$1: $(stated skip)"
}

listen_() {
  local line
  latest=()
  while IFS= read -r -t "$patience" line <&"${from_target[$target]}" || stopped_speaking_; do
    [[ $line != ready ]] || break
    [[ $line == *=* ]] || fail "a specimen says neither key=value nor ready: $line"
    statements[$target:${line%%=*}]=${line#*=}
    latest+=("${line%%=*}")
  done
  eventually waits_for_line_
}
# It said ready; a moment later its main thread is blocked in the kernel. (A zombie leads threads.)
waits_for_line_() { stat_of_ "$target" && [[ $REPLY == [SZ]* ]]; }
stopped_speaking_() { fail "the specimen did not get ready: $(<"${errors_of_target[$target]}")"; }

has_stated() { [[ -v statements[$target:$1] ]]; }
stated() {
  has_stated "$1" || fail "the specimen has not stated $1"
  printf '%s\n' "${statements[$target:$1]}"
}

next_stage() {
  echo >&"${to_target[$target]}"
  listen_
}

end_specimen() {
  local to=${to_target[$target]} from=${from_target[$target]}
  exec {to}>&- {from}<&-
  unset "to_target[$target]" "from_target[$target]"
  wait "$target" ||
    fail "the specimen ended with status $?: $(<"${errors_of_target[$target]}")"
}

program() {
  cat >program.cc
  "${CXX:-c++}" -std=c++20 -O1 -g -pthread -I "$ROOT/specimens" -o program program.cc "$@" ||
    fail 'the program does not compile'
}

# ---- what is run, and what it said ----

strata() {
  timeout --foreground --kill-after=5 "${time_limit:-60}" "$STRATA" "$@"
}

run() {
  [[ $1 != strata || -x $STRATA ]] || fail "strata is not built: $STRATA"
  ran=("$@")
  exit_code=0
  "$@" >"$work/here/stdout" 2>"$work/here/stderr" </dev/null || exit_code=$?
  [[ $1 != strata || $exit_code != 124 ]] || fail "no end within ${time_limit:-60} s"
}

exits_with() { [[ $exit_code == "$1" ]] || fail "exit code $exit_code instead of $1"; }

holds_text_() { [[ $(tr -d '\0' <"$work/here/$1") == *"$2"* ]]; }
says() { holds_text_ stdout "$1" || fail "stdout does not say: $1"; }
never_says() { ! holds_text_ stdout "$1" || fail "stdout says: $1"; }
error_says() { holds_text_ stderr "$1" || fail "stderr does not say: $1"; }
error_never_says() { ! holds_text_ stderr "$1" || fail "stderr says: $1"; }

json() {
  jq -er "${@:2}" "$1" "$work/here/stdout" 2>"$work/jq" ||
    fail "the JSON on stdout does not hold: $1 $(<"$work/jq")"
}

equals() {
  local number='^(0x[0-9a-fA-F]+|0|[1-9][0-9]*)$'
  [[ $1 == "$2" ]] || { [[ $1 =~ $number && $2 =~ $number ]] && (($1 == $2)); } ||
    fail "$3: $1 is not $2"
}
holds() { (($1)) || fail "$2: not $1"; }

eventually() {
  local deadline=$((SECONDS + patience))
  until "$@"; do
    ((SECONDS < deadline)) || fail "not so after $patience s: $*"
    sleep 0.02
  done
}

kernel_says() {
  local line
  while IFS= read -r line; do
    [[ $line != "$1="* ]] || { printf '%s\n' "${line#*=}" && return; }
  done < <("$KERNEL_SAYS" "${4:-$target}" "$2" "$3")
  skip "the kernel does not say here: $1"
}

# ---- what it needs ----

needs_root() { ((EUID == 0)) || skip 'needs root'; }
needs() {
  local command
  for command; do
    command -v "$command" >/dev/null || skip "needs $command"
  done
}

# The machine's settings are changed by one scenario at a time.
machine_lock_() {
  needs_root
  needs flock
  [[ -z ${lock:-} ]] || return 0
  exec {lock}>/run/lock/strata-scenario
  flock -w 100 "$lock" || skip "another scenario changes the machine's settings"
}

with_swap() {
  machine_lock_
  PATH=$PATH:/usr/sbin:/sbin
  needs mkswap swapon
  local file
  file=$(mktemp /var/tmp/strata-swap.XXXXXX)  # not /tmp: a tmpfs cannot hold swap
  at_exit rm -f "$file"
  dd if=/dev/zero of="$file" bs=1M count=32 status=none || skip 'no room for 32 MiB of swap in /var/tmp'
  mkswap -q "$file"
  swapon "$file" 2>/dev/null || skip 'swap on a file is not possible here'
  at_exit swapoff "$file"
}

with_hugetlb() {
  machine_lock_
  local pool=/proc/sys/vm/nr_hugepages before
  [[ -w $pool ]] || skip 'this kernel has no hugetlb pool'
  before=$(<$pool)
  at_exit eval "echo $before >$pool"
  echo $((before + $1)) >$pool
  (($(<$pool) == before + $1)) || skip "no $1 huge pages are free"
}
