# bench/malloc-micro.sh: nanoseconds of CPU time per operation under each allocator, beside a bare list of
# free blocks behind the same PLT (bench/malloc-micro.cc says what each operation is).
#   RUNS=3  rounds; the best of them counts      ONLY=REGEX  operations
#   PEERS, ALLOCATORS, STRATA_MALLOC_LIB  who takes part: bench/malloc/allocators.sh
#   OUT=FILE  every run as it was
# Each operation has a process of its own, since some allocators learn from what came before.
set -uo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/malloc/allocators.sh"
need_program run-once
need_program malloc-micro
out=${OUT:-$root/build/bench/malloc-micro-$(date +%Y%m%d-%H%M%S).tsv}
mkdir -p "$(dirname "$out")" || exit 2
work=$(mktemp -d)
figures=$work/figures
trap 'rm -rf "$work"' EXIT
keep_ours "$work"
failed=0

{
  describe_run
  echo "# operation allocator round nanoseconds"
} >"$out"
for ((round = 1; round <= ${RUNS:-3}; ++round)); do
  for operation in $("$bin/malloc-micro" list | grep -E "${ONLY:-.}"); do
    for allocator in "${allocators[@]}"; do
      measure_as "$figures" "$allocator" 60
      if said=$("${measured[@]}" "$bin/malloc-micro" "$operation" 2>/dev/null); then
        awk -v a="$allocator" -v r="$round" -v OFS='\t' '{print $1, a, r, $2}' <<<"$said" >>"$out"
      else
        printf '%s\t%s\t%s\tfailed\n' "$operation" "$allocator" "$round" >>"$out"
        echo "$operation under $allocator: $(cut -d' ' -f9 "$figures")" >&2
        failed=1
      fi
    done
  done
done

awk '
  function shown(v) { return sprintf(v < 100 ? "%.1f" : "%.0f", v) }
  BEGIN { FS = "\t" }
  /^#/ { print; next }
  {
    if (!($1 in seen)) { seen[$1]; operation[++operations] = $1 }
    if (!($2 in known)) { known[$2]; allocator[++allocators] = $2 }
    if ($4 == "failed") { bad[$1, $2] = 1; next }
    if (!(($1, $2) in best) || $4 + 0 < best[$1, $2]) best[$1, $2] = $4 + 0
  }
  END {
    print "\nNanoseconds per operation; behind: ours to the best of the others."
    printf "%-20s", ""
    for (a = 1; a <= allocators; ++a) printf "%12s", allocator[a]
    print ("strata" in known) ? "  behind" : ""
    for (o = 1; o <= operations; ++o) {
      name = operation[o]
      least = 0
      printf "%-20s", name
      for (a = 1; a <= allocators; ++a) {
        v = best[name, allocator[a]]
        printf "%12s", bad[name, allocator[a]] ? "FAIL" : shown(v)
        if (allocator[a] != "strata" && !bad[name, allocator[a]] && (!least || v < least)) least = v
      }
      if (("strata" in known) && least && name != "bare-list")
        printf "%8s", bad[name, "strata"] ? "failed" : sprintf("%.2f", best[name, "strata"] / least)
      print ""
    }
  }' "$out"
echo "Every run as it was: $out"
exit "$failed"
