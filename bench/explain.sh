# bench/explain.sh: the CPU time of `strata explain` on memory that is not malloc's, beside
# `pmap -X` on the same process and beside the kernel's own cost of the reads that explain makes: a
# program as small as it can be (kernel-reads) that makes the same calls and does nothing else.
# Medians of RUNS rounds (5), interleaved. GIB (8) is how much memory the largest specimen has.
# Promises  less than pmap -X on each line (a tenth more is a tie) and, on 4 KiB pages, at most 1.1 of
#           the kernel's cost, or it exits 1. Of huge pages the kernel walks 8 GiB in a millisecond,
#           so there the start of a process is most of either side, and nothing is promised.
set -uo pipefail
failed=0
bin=$(dirname "$STRATA")
runs=${RUNS:-5}
largest=${GIB:-8}
noted=$(mktemp)
trap 'rm -f "$noted"' EXIT
free_gib=$(awk '/MemAvailable/{print int($2 / 1048576)}' /proc/meminfo)
((free_gib > largest + 1)) || { echo "needs $((largest + 2)) GiB free, has $free_gib"; exit 1; }

# measure GIB MAPPINGS huge|small: a line of figures
measure() {
  local gib=$1 mappings=$2 kind=$3 pid line
  # Between two mappings lies one without access, so half as many parts make as many mappings.
  coproc specimen { exec "$SPECIMENS/bulk" $((gib << 30)) $((mappings / 2)) "$kind"; }
  pid=$specimen_PID
  line=
  while read -r line <&"${specimen[0]}" && [[ $line != ready && $line != skip=* ]]; do continue; done
  if [[ $line != ready ]]; then
    echo "$gib GiB, $mappings mappings, $kind: skipped: ${line:-the specimen cannot make these}"
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    return
  fi
  local figures
  "$bin/kernel-reads" note "$noted" "$STRATA" explain "$pid" || failed=1
  figures=$("$bin/compare" "$runs" strata "$STRATA explain $pid" kernel "$bin/kernel-reads make $noted" \
    pmap "pmap -X $pid") || failed=1
  awk -v what="$gib GiB, $mappings mappings, $kind" '
      {median[$1] = $2; peak[$1] = $5}
      END {
        printf "%-32s %9.1f %9.1f %9.1f %9.2f %9.2f %9.1f\n", what, median["strata"],
          median["kernel"], median["pmap"], median["strata"] / median["pmap"],
          median["strata"] / median["kernel"], peak["strata"] / 1024
        exit median["strata"] > 1.1 * median["pmap"] ||
          (what ~ /small$/ && median["strata"] > 1.1 * median["kernel"])
      }' <<<"$figures" || failed=1
  kill "$pid"
  wait "$pid" 2>/dev/null
}

echo "CPU ms, medians of $runs; $(uname -r), $(awk -F': ' '/model name/{print $2; exit}' /proc/cpuinfo)"
printf '%-32s %9s %9s %9s %9s %9s %9s\n' target strata kernel 'pmap -X' 'of pmap' 'of kernel' 'peak MiB'
measure "$largest" 10 small
measure "$largest" 60000 small
measure "$largest" 10 huge
measure "$largest" 4000 huge
for ((gib = 1; gib < largest; gib *= 2)); do measure "$gib" 10 small; done
for mappings in 1000 10000 30000; do measure 1 "$mappings" small; done
exit "$failed"
