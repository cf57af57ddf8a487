# bench/malloc-memory.sh: what a process keeps after a phase of 512 MiB has ended, right after and after
# IDLE (10) seconds in which it calls nothing, under each allocator, and what that idling cost the processor
# (bench/malloc-memory.cc says what each phase is). First the floor: a process that calls malloc once.
#   RUNS=3  the worst of them counts, since giving back must not be luck     ONLY=REGEX  phases
#   JOBS=4  processes at a time; the most that one takes, in the phase shifting, is 3 GiB
#   PEERS, ALLOCATORS, STRATA_MALLOC_LIB  who takes part: bench/malloc/allocators.sh
#   OUT=FILE  every run as it was
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/malloc" && pwd)
. "$here/allocators.sh"
need_program run-once
need_program malloc-memory
idle=${IDLE:-10}
jobs=${JOBS:-4}
out=${OUT:-$root/build/bench/malloc-memory-$(date +%Y%m%d-%H%M%S).tsv}
mkdir -p "$(dirname "$out")" || exit 2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
keep_ours "$work"

free_mib=$(awk '/MemAvailable/{print int($2 / 1024)}' /proc/meminfo)
if ((free_mib < jobs * 3072)); then
  echo "error: $jobs phases at a time need $((jobs * 3072)) MiB, and $free_mib are free; set JOBS" >&2
  exit 2
fi

# one PHASE ALLOCATOR ROUND MODE [trim]
one() {
  local phase=$1 allocator=$2 round=$3 mode=$4 figures said seconds=$idle
  [[ $mode == idle && $phase != one ]] || seconds=0
  figures=$(mktemp -p "$work")
  measure_as "$figures" "$allocator" $((idle + 300))
  said=$("${measured[@]}" "$bin/malloc-memory" "$phase" "$seconds" "${@:5}" 2>/dev/null) ||
    said="$phase 0 0 0 failed:$(cut -d' ' -f9 "$figures")"
  awk -v a="$allocator" -v r="$round" -v m="$mode" -v OFS='\t' \
    '{print $1, a, r, m, $2, $3, $4, $5}' <<<"$said" >>"$out"
}

{
  describe_run
  echo "# idle $idle s; phase allocator round mode live_KiB right_after_KiB later_KiB idle_cpu_s"
} >"$out"
for ((round = 1; round <= ${RUNS:-3}; ++round)); do
  for phase in one all random every64th threads other ramps shifting; do
    [[ $phase =~ ${ONLY:-.} ]] || continue
    for allocator in "${allocators[@]}"; do
      while (($(jobs -pr | wc -l) >= jobs)); do wait -n; done
      one "$phase" "$allocator" "$round" idle &
      [[ $phase != one ]] || continue
      while (($(jobs -pr | wc -l) >= jobs)); do wait -n; done
      one "$phase" "$allocator" "$round" trim trim &
    done
  done
done
wait

awk -v names="${allocators[*]}" -f "$here/memory.awk" "$out"
echo "Every run as it was: $out"
! grep -q failed "$out"
