# Prints what bench/malloc-curves.sh wrote: of several rounds the least time and the most memory.
# names: the columns, in order.

function shown(v) { return sprintf(v < 100 ? "%.1f" : "%.0f", v) }

function table(text, figure,   p, a, key, row) {
  printf "\n%s\n%-10s%9s%9s", text, "", "", "live MiB"
  for (a = 1; a <= allocators; ++a) printf "%12s", name[a]
  print ""
  for (p = 1; p <= points; ++p) {
    if (figure == "longest" && !(point[p] in has_longest)) continue
    printf "%-10s%9s%9s", curve[p], place[p], shown(live[point[p]] / 1024)
    for (a = 1; a <= allocators; ++a) {
      key = point[p] SUBSEP name[a]
      if (key in bad) printf "%12s", "FAIL"
      else if (!(key in cost)) printf "%12s", "-"
      else if (figure == "cost") printf "%12s", shown(cost[key])
      else if (figure == "longest") printf "%12.2f", longest[key] / 1e6
      else printf "%12.2f", live[point[p]] ? resident[key] / live[point[p]] : 0
    }
    if (figure == "cost" && bare[point[p]]) printf "   bare %s", shown(bare[point[p]])
    print ""
  }
}

BEGIN { FS = "\t" }
/^#/ { print; next }
{
  at = $1 " " $2
  if (!(at in seen)) { seen[at]; point[++points] = at; curve[points] = $1; place[points] = $2 }
  key = at SUBSEP $3
  if ($5 == "failed") { bad[key]; next }
  if (!(key in cost) || $5 + 0 < cost[key]) cost[key] = $5 + 0
  if (!(key in longest) || $7 + 0 < longest[key]) longest[key] = $7 + 0
  if ($7 + 0 > 0) has_longest[at]
  if ($9 + 0 > resident[key]) resident[key] = $9 + 0
  if ($8 + 0 > live[at]) live[at] = $8 + 0
  if ($6 + 0 > 0 && (!(at in bare) || $6 + 0 < bare[at])) bare[at] = $6 + 0
}
END {
  allocators = split(names, name, " ")
  table("Nanoseconds of CPU a free and a malloc; of lives, a thread", "cost")
  table("Milliseconds of CPU that the longest 64 of them took, all threads together", "longest")
  table("Resident to live", "resident")
}
