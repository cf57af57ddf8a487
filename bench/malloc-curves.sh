# bench/malloc-curves.sh: how malloc's cost grows with threads, with live data, and with what has been
# (bench/malloc-curves.cc says what each curve is), under each allocator. What a program did before
# should cost nothing: the curves turnover and lives should be level, and threads too on this many
# processors; heap and spans may grow by what caches and page tables miss, which bare shows.
#   RUNS=3          of the times the least counts, of resident memory the most
#   ONLY=REGEX      curves      POINTS=REGEX  points, as in "heap 1024"
#   PEERS, ALLOCATORS, STRATA_MALLOC_LIB  who takes part: bench/malloc/allocators.sh
#   OUT=FILE        every run as it was
# A point that needs more memory than a third of what is available is left out, and said.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/malloc" && pwd)
. "$here/allocators.sh"
need_program run-once
need_program malloc-curves
out=${OUT:-$root/build/bench/malloc-curves-$(date +%Y%m%d-%H%M%S).tsv}
mkdir -p "$(dirname "$out")" || exit 2
work=$(mktemp -d)
figures=$work/figures
trap 'rm -rf "$work"' EXIT
keep_ours "$work"
failed=0

points() {
  printf 'threads %s\n' 1 2 4 8 16 32 64
  printf 'heap %s\n' 1 4 16 64 256 1024 4096 8192 16384
  printf 'spans %s\n' 1024 16384 131072 524288 1048576
  printf 'turnover %s\n' 1 10 100 1000
  printf 'lives %s\n' 16 1024 16384 131072
}
# needed CURVE POINT: MiB. Blocks that nobody writes take pages all the same, where an allocator has
# headers before blocks, lists through them, or huge pages.
needed() {
  case $1 in
    heap) echo $(($2 * 3 / 2)) ;;
    spans) echo $(($2 / 64 + $2 / 512)) ;;
    *) echo 512 ;;
  esac
}

{
  describe_run
  echo "# curve point allocator round nanoseconds bare longest live_KiB resident_KiB"
} >"$out"
for ((round = 1; round <= ${RUNS:-3}; ++round)); do
  while read -r curve point; do
    for allocator in "${allocators[@]}"; do
      need=$(needed "$curve" "$point")
      most=$(awk '/MemAvailable/{print int($2 / 3072)}' /proc/meminfo)
      if ((need > most)); then
        echo "# left out: $curve $point under $allocator needs $need MiB, a third of what is free is $most" >>"$out"
        continue
      fi
      measure_as "$figures" "$allocator" 600
      if said=$("${measured[@]}" "$bin/malloc-curves" "$curve" "$point" 2>/dev/null); then
        awk -F'\t' -v a="$allocator" -v r="$round" -v OFS='\t' '{print $1, $2, a, r, $3, $4, $5, $6, $7}' \
          <<<"$said" >>"$out"
      else
        printf '%s\t%s\t%s\t%s\tfailed\n' "$curve" "$point" "$allocator" "$round" >>"$out"
        echo "$curve $point under $allocator: $(cut -d' ' -f9 "$figures")" >&2
        failed=1
      fi
    done
  done < <(points | grep -E "^(${ONLY:-.*}) " | grep -E "${POINTS:-.}")
done

awk -v names="${allocators[*]}" -f "$here/curves.awk" "$out"
echo "Every run as it was: $out"
exit "$failed"
