# Judges what tests/malloc/soak.cc wrote, and prints its curve. Memory after a rest must stay: with the
# same live bytes, the median of the last third of the cycles is at most 1.15 times that of the first
# third, and no cycle's is more than 1.3 times that median. The first cycle, in which the heap takes
# its form, stands in the table alone. Ends with 1 where it grew, 2 where there are too few cycles.

function median(from, to,   i, j, t, v, n) {
  n = 0
  for (i = from; i <= to; ++i) v[++n] = rested[i]
  for (i = 2; i <= n; ++i) for (j = i; j > 1 && v[j] < v[j - 1]; --j) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
  return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

BEGIN { FS = "\t"; columns = 72; rows = 14 }
/^#/ { print; next }
NF == 9 {
  ++samples
  when[samples] = $1; live[samples] = $5 / 1024; resident[samples] = $6 / 1024
  if (resident[samples] > most) most = resident[samples]
  if ($6 > peak[$2]) { peak[$2] = $6; peak_live[$2] = $5 }
  if ($3 == "rested") { rested[++cycles] = $6 / 1024; left[cycles] = $5 / 1024; forks[cycles] = $8; done[cycles] = $7; cpu[cycles] = $9 }
}
END {
  if (cycles < 4) { print "only " cycles + 0 " cycles: at least 4 are needed"; exit 2 }
  print "\ncycle   after rest: live  resident      at its peak: live  resident   operations  forks   CPU s"
  for (i = 1; i <= cycles; ++i)
    printf "%5d %17.1f %9.1f %18.1f %9.1f %12d %6d %7.1f\n", i, left[i], rested[i],
      peak_live[i] / 1024, peak[i] / 1024, done[i] - done[i - 1], forks[i] - forks[i - 1], cpu[i] - cpu[i - 1]

  # The most of each column's samples: # resident, o live.
  last = when[samples]
  for (s = 1; s <= samples; ++s) {
    c = int(when[s] / (last + 1) * columns)
    h = int(resident[s] / most * rows + 0.5)
    l = int(live[s] / most * rows + 0.5)
    if (h > high[c]) high[c] = h
    if (l > low[c]) low[c] = l
  }
  printf "\nMiB resident (#) and live (o), the most of every %d s\n", last / columns
  for (r = rows; r > 0; --r) {
    line = ""
    for (c = 0; c < columns; ++c) line = line (low[c] >= r ? "o" : high[c] >= r ? "#" : " ")
    printf "%6.0f |%s\n", most * r / rows, line
  }
  axis = ""
  for (c = 0; c < columns; ++c) axis = axis "-"
  printf "       +%s\n        0 %*s\n", axis, columns - 2, int(last / 60) " minutes"

  # Drawn again at its own scale, or a trend could not be seen.
  printf "\nMiB resident after each rest, the same %.0f live\n", left[cycles]
  for (i = 1; i <= cycles; ++i) {
    bar = ""
    for (c = 0; c < rested[i] / most_rested(); c += 1 / 60) bar = bar "#"
    printf "%6d %8.1f %s\n", i, rested[i], bar
  }

  third = int((cycles - 1) / 3)
  first = median(2, 1 + third)
  end = median(cycles - third + 1, cycles)
  printf "\nmedian of cycles 2 to %d: %.1f MiB; of the last %d: %.1f, %.3f of it\n", 1 + third, first,
    third, end, end / first
  if (end > 1.15 * first) { print "it grows"; bad = 1 }
  for (i = 2; i <= cycles; ++i) if (rested[i] > 1.3 * first) { print "cycle " i " has far more"; bad = 1 }
  exit bad
}
function most_rested(   i, m) {
  for (i = 1; i <= cycles; ++i) if (rested[i] > m) m = rested[i]
  return m
}
