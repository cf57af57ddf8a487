# bench/malloc.sh: real programs and allocators' own benchmarks under each malloc, relative to glibc.
#   SUITE=DIR       mimalloc-bench, built by its own scripts (the programs: bench/malloc/programs)
#   LIST=everyday   a distribution's programs instead (bench/malloc/everyday), without a suite
#   PEERS, ALLOCATORS, STRATA_MALLOC_LIB  who takes part: bench/malloc/allocators.sh
#   ONLY=REGEX      programs to run       RUNS=3  rounds, of which each figure is the median
#   SECONDS_MOST=300  a program that takes longer has failed
#   SORT=cpu        the table's order is by CPU time, which a busy machine disturbs less than the wall's
#   OUT=FILE        every run as it was; `bench/malloc.sh table FILE` prints the table again
# In a round every program runs under all allocators in turn, in another order each round, so that all
# see the same machine. A preload that did not take effect, an exit status other than 0 and an output
# without its score count as failed, never as fast.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/malloc" && pwd)
if [[ ${1:-} == table ]]; then exec awk -v sort="${SORT:-time}" -f "$here/table.awk" "${2:?bench/malloc.sh table FILE}"; fi
. "$here/allocators.sh"
need_program run-once

list=$here/${LIST:-programs}
[[ -r $list ]] || { echo "error: there is no list of programs $list" >&2; exit 2; }
SUITE=${SUITE:-}
if [[ -z ${LIST:-} && ! -d $SUITE/out/bench ]]; then
  echo "error: there are no programs to run: ${SUITE:-SUITE, which is not set,} has no folder out/bench" >&2
  echo "help: build mimalloc-bench by its build-bench-env.sh outside this tree, then" \
    "SUITE=ITS/FOLDER bench/malloc.sh; LIST=everyday, malloc-micro.sh and malloc-memory.sh need none" >&2
  exit 2
fi
[[ ! -d $SUITE ]] || SUITE=$(cd "$SUITE" && pwd)
N=$(nproc)
runs=${RUNS:-3}
out=${OUT:-$root/build/bench/malloc-$(date +%Y%m%d-%H%M%S).tsv}
mkdir -p "$(dirname "$out")" || exit 2
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
trap 'exit 130' INT TERM
keep_ours "$WORK"
export HOME=$WORK TMPDIR=$WORK
for folder in "$SUITE/out/bench" "$SUITE"/extern/*/ "$SUITE"/extern/*/{bin,src}/; do
  [[ -d $folder ]] && PATH=${folder%/}:$PATH
done

# run ALLOCATOR ROUND NAME ...: one run, as one line of $out; the rest as in bench/malloc/programs
run() {
  local allocator=$1 round=$2 name=$3 work=$5 score=$6 folder=$7 input=$8 before=$9 command=${10}
  local figures=$WORK/figures said=$WORK/said value=- outcome
  local -a words
  eval "words=($command)" "folder=$folder" "input=${input:-/dev/null}"
  cd "$folder" || return
  [[ -z $before ]] || eval "$before" &>/dev/null
  rm -rf "$figures" "$WORK/rocksdb"
  measure_as "$figures" "$allocator" "${SECONDS_MOST:-300}"
  if [[ ${words[0]} == @* ]]; then
    bash "$here/${words[0]#@}" "${measured[@]}" -- "${words[@]:1}" <"$input" &>"$said"
  else
    "${measured[@]}" "${words[@]}" <"$input" &>"$said"
  fi
  read -r -a words <"$figures" || words=(0 0 0 0 0 0 0 0 not-started)
  outcome=${words[8]}
  if [[ $score != wall && $outcome == ok ]]; then
    if [[ $(tr '\n' ' ' <"$said") =~ ${score#*:} ]]; then
      value=${BASH_REMATCH[1]}
    else
      outcome=no-score
    fi
  fi
  printf '%s\t' "$name" "$allocator" "$round" "${words[@]:0:8}" "$work" "${score%%:*}" "$value" >>"$out"
  printf '%s\n' "$outcome" >>"$out"
  printf '\r%-70s' "round $round: $name, $allocator: $outcome" >&2
  [[ $outcome == ok ]] || { printf '\n'; tail -n 3 "$said"; } >&2
}

# Prints why a program cannot be run, if so.
why_not() {
  local name=$1 folder=$2 input=$3 program=${4%% *} linked
  eval "folder=$folder" "input=$input"
  [[ $program != @redis.sh ]] || program=redis-server
  if ! program=$(type -P "$program"); then
    echo "$name: there is no ${4%% *} in \$SUITE/out/bench, \$SUITE/extern or on the PATH"
  elif [[ ! -d $folder ]]; then
    echo "$name: there is no folder $folder"
  elif [[ -n $input && ! -r $input ]]; then
    echo "$name: there is no $input"
  elif linked=$(ldd "$program" 2>/dev/null | grep -oE 'lib(je|tc|mi)malloc[^ ]*' | head -n 1) &&
    [[ -n $linked ]]; then
    # Without a preload it would run on that, so there would be no glibc to compare with.
    echo "$name: $program is linked to $linked; it must be built on libc's malloc"
  fi
}

programs=()
{
  describe_run
  if [[ -n ${LIST:-} ]]; then
    echo "# $LIST: $(dpkg-query -W sqlite3 python3 jq perl g++ 2>/dev/null | tr '\t\n' ' ,')"
  else
    echo "# suite: $(git -C "$SUITE" log -1 --format='%h of %cs' 2>/dev/null);" \
      "$(dpkg-query -W ghostscript z3 ruby rocksdb-tools 2>/dev/null | tr '\t\n' ' ,')"
  fi
  echo "# program allocator round wall user system peak_KiB minor major voluntary involuntary work score value outcome"
  while IFS='|' read -r name threads work score folder input before command; do
    [[ $name == \#* || ! $name =~ ${ONLY:-.} ]] && continue
    reason=$(why_not "$name" "$folder" "$input" "$command")
    if [[ -n $reason ]]; then
      echo "# left out: $reason"
    else
      programs+=("$name|$threads|$work|$score|$folder|$input|$before|$command")
    fi
  done <"$list"
} >"$out"
grep '^# left out' "$out" >&2
if ((${#programs[@]} == 0)); then
  echo "error: no program is left to run" >&2
  exit 2
fi

for ((round = 1; round <= runs; ++round)); do
  for program in "${programs[@]}"; do
    IFS='|' read -r -a fields <<<"$program"
    for ((i = 0; i < ${#allocators[@]}; ++i)); do
      # Another one begins each round, since a program's first run may pay for reading it in.
      run "${allocators[(i + round - 1) % ${#allocators[@]}]}" "$round" "${fields[@]}"
    done
  done
done
printf '\r%-70s\r' '' >&2
echo "# load when done: $(cut -d' ' -f1-3 /proc/loadavg)" >>"$out"
awk -v sort="${SORT:-time}" -f "$here/table.awk" "$out"
status=$?
echo "Every run as it was: $out"
exit "$status"
