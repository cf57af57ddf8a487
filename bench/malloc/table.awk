# Prints what bench/malloc.sh wrote: per program time and peak resident memory relative to glibc.
# Time is the wall clock's, or the program's own score; the medians of the rounds are compared.
# A program that one allocator failed stands in the means of the others, so each says of how many; where
# those differ, the means over the programs that all of them completed follow.
# Exits 1 where ours failed one.

function median(key, n,   i, j, v, sorted) {
  for (i = 1; i <= n; ++i) {
    v = runs[key, i]
    for (j = i - 1; j > 0 && sorted[j] > v; --j) sorted[j + 1] = sorted[j]
    sorted[j + 1] = v
  }
  return n % 2 ? sorted[(n + 1) / 2] : (sorted[n / 2] + sorted[n / 2 + 1]) / 2
}

function add(what, value) { runs[$1, $2, what, count[$1, $2]] = value }

function size(kib) { return kib < 10240 ? sprintf("%.1fM", kib / 1024) : sprintf("%.0fM", kib / 1024) }

function mean(what, allocator,   i, p, ratio, n, sum) {
  for (i = 1; i <= programs; ++i) {
    p = program[i]
    if (failed[p, allocator] || failed[p, "glibc"] || !count[p, allocator]) continue
    if (shared && !(p in common)) continue
    if (!(figure[p, "glibc", what] > 0) || !(figure[p, allocator, what] > 0)) continue
    sum += log(figure[p, allocator, what] / figure[p, "glibc", what])
    ++n
  }
  meant[allocator] = n
  return n ? exp(sum / n) : 0
}

function means(title, what,   i, value) {
  printf "%-18s", title
  printf "%14s", ""
  for (i = 1; i <= allocators; ++i)
    if (allocator[i] != "glibc") {
      value = mean(what, allocator[i])
      printf "%13s", value ? sprintf("%.3f", value) : "-"
    }
  print ""
}

# How far ours is behind the best of the others, glibc among them; 0 where there is nothing to compare.
function distance(p, what,   j, a, best) {
  if (failed[p, "strata"]) return 1e9
  if (failed[p, "glibc"] || !count[p, "strata"]) return 0
  for (j = 1; j <= allocators; ++j) {
    a = allocator[j]
    if (a == "strata" || failed[p, a] || !count[p, a]) continue
    if (!best || figure[p, a, what] < best) best = figure[p, a, what]
  }
  return best ? figure[p, "strata", what] / best : 0
}

function all_means(title,   j) {
  print title
  means("time (wall), asked", "time")
  means("CPU time", "cpu")
  means("peak memory, asked", "peak")
  means("page faults", "faults")
  printf "%-18s%14s", "of programs", ""
  for (j = 1; j <= allocators; ++j) if (allocator[j] != "glibc") printf "%13d", meant[allocator[j]]
  print ""
}

BEGIN { FS = "\t" }
/^#/ { print; next }
{
  if (!($1 in seen)) { seen[$1]; program[++programs] = $1 }
  if (!($2 in known)) { known[$2]; allocator[++allocators] = $2 }
  if ($NF != "ok") { failed[$1, $2] = $NF; next }
  ++count[$1, $2]
  time = $13 == "wall" ? $4 : $13 == "higher" ? 1 / $14 : $14
  cpu = $5 + $6
  add("time", time)
  add("cpu", $12 == "timed" && $4 > 0 ? cpu * time / $4 : cpu)
  add("peak", $7)
  add("faults", $8 + $9)
  add("wall", $4)
}
END {
  split("time cpu peak faults wall", kinds, " ")
  for (i = 1; i <= programs; ++i) {
    p = program[i]
    for (j = 1; j <= allocators; ++j) {
      a = allocator[j]
      # One failure in any round is a failure.
      if (!failed[p, a] && count[p, a])
        for (k in kinds) figure[p, a, kinds[k]] = median(p SUBSEP a SUBSEP kinds[k], count[p, a])
    }
    behind[i, "time"] = distance(p, "time")
    behind[i, "cpu"] = distance(p, "cpu")
    for (j = i; j > 1 && behind[order[j - 1], sort] < behind[i, sort]; --j) order[j] = order[j - 1]
    order[j] = i
  }

  print "\nTime / peak resident memory, relative to glibc; behind: our time, and our CPU time, to the best one's."
  printf "%-18s%14s", "", "glibc"
  for (j = 1; j <= allocators; ++j) if (allocator[j] != "glibc") printf "%13s", allocator[j]
  print ("strata" in known) ? "  behind   cpu" : ""
  for (n = 1; n <= programs; ++n) {
    i = order[n]
    p = program[i]
    if (failed[p, "glibc"]) { printf "%-18s%14s\n", p, failed[p, "glibc"]; continue }
    printf "%-18s%14s", p, sprintf("%.2fs %s", figure[p, "glibc", "wall"], size(figure[p, "glibc", "peak"]))
    for (j = 1; j <= allocators; ++j) {
      a = allocator[j]
      if (a == "glibc") continue
      if (failed[p, a]) { printf "%13s", failed[p, a]; continue }
      if (!count[p, a]) { printf "%13s", "-"; continue }
      printf "%13s", sprintf("%.2f/%.2f", figure[p, a, "time"] / figure[p, "glibc", "time"],
                             figure[p, a, "peak"] / figure[p, "glibc", "peak"])
    }
    if (behind[i, "time"])
      printf "%8s%6s", (behind[i, "time"] > 1e6) ? "failed" : sprintf("%.2f", behind[i, "time"]),
        (behind[i, "cpu"] > 1e6) ? "" : sprintf("%.2f", behind[i, "cpu"])
    print ""
  }
  all_means("Geometric means")
  for (i = 1; i <= programs; ++i) {
    common[program[i]]
    for (j = 1; j <= allocators; ++j)
      if (failed[program[i], allocator[j]] || !count[program[i], allocator[j]]) {
        delete common[program[i]]
        shared = 1
      }
  }
  if (shared) all_means("Geometric means over what all completed")
  for (i = 1; i <= programs; ++i) if (failed[program[i], "strata"]) exit 1
}
