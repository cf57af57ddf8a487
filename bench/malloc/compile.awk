# Prints what bench/malloc-compile.sh wrote. names: the allocators, glibc's first. Ends with 1 where an
# object is another than under glibc's.

function median(list,   n, v, i, j, t) {
  n = split(list, v, " ")
  for (i = 2; i <= n; ++i) for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; --j) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
  return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}

BEGIN { FS = "\t" }
/^#/ { print; next }
{
  if (!($1 in known)) { known[$1]; compiler[++compilers] = $1 }
  if (!(($1, $4) in seen)) { seen[$1, $4]; file[$1, ++files[$1]] = $4 }
  if ($8 == "failed" || $8 == "") { bad[$1, $2]++; next }
  if (!(($1, $4) in object)) object[$1, $4] = $8
  if (object[$1, $4] != $8) { different[$1, $2] = different[$1, $2] " " $4; any = 1 }
  cpu[$1, $2, $4] = cpu[$1, $2, $4] " " ($5 + $6)
  peak[$1, $2, $4] = peak[$1, $2, $4] " " $7
}
END {
  allocators = split(names, name, " ")
  for (c = 1; c <= compilers; ++c) {
    printf "\n%s, %d files\n%-14s%10s%8s%12s%8s%12s%14s\n", compiler[c], files[compiler[c]], "",
      "CPU s", "ratio", "peak MiB", "ratio", "failed", "same objects"
    for (a = 1; a <= allocators; ++a) {
      all = most = slower = larger = counted = 0
      for (f = 1; f <= files[compiler[c]]; ++f) {
        at = compiler[c] SUBSEP name[a] SUBSEP file[compiler[c], f]
        base = compiler[c] SUBSEP name[1] SUBSEP file[compiler[c], f]
        if (!(at in cpu) || !(base in cpu)) continue
        time = median(cpu[at])
        all += time
        if (median(peak[at]) > most) most = median(peak[at])
        if (median(cpu[base]) <= 0 || time <= 0) continue
        ++counted
        slower += log(time / median(cpu[base]))
        larger += log(median(peak[at]) / median(peak[base]))
      }
      printf "%-14s%10.1f%8.2f%12.1f%8.2f%12d%14s\n", name[a], all, counted ? exp(slower / counted) : 0,
        most / 1024, counted ? exp(larger / counted) : 0, bad[compiler[c], name[a]],
        different[compiler[c], name[a]] == "" ? "all" : "not" different[compiler[c], name[a]]
    }
  }
  print "\nCPU is the sum, peak the most of one file; ratios are geometric means over files."
  exit any
}
