# Prints what bench/malloc-memory.sh wrote; of several rounds the worst. names: the columns, in order.

function title(text) {
  printf "\n%s\n%-12s%6s", text, "", "live"
  for (a = 1; a <= allocators; ++a) printf "%12s", name[a]
  print ""
}

function rows(mode, figure, format,   p, key) {
  for (p = 1; p <= phases; ++p) {
    if (phase[p] == "one") continue
    printf "%-12s%6d", phase[p], live[phase[p]] / 1024 + 0.5
    for (a = 1; a <= allocators; ++a) {
      key = phase[p] SUBSEP name[a] SUBSEP mode
      if (key in bad) printf "%12s", "FAIL"
      else printf format, (figure == "cpu") ? worst[figure, key] : worst[figure, key] / 1024 + 0.5
    }
    print ""
  }
}

function note(figure, value,   key) {
  key = figure SUBSEP $1 SUBSEP $2 SUBSEP $4
  if (value + 0 > worst[key] + 0) worst[key] = value + 0
}

BEGIN { FS = "\t" }
/^#/ { print; next }
{
  if (!($1 in seen)) { seen[$1]; phase[++phases] = $1 }
  if ($8 ~ /failed/) { bad[$1, $2, $4]; next }
  if ($5 + 0 > live[$1]) live[$1] = $5 + 0
  note("after", $6)
  note("later", $7)
  note("cpu", $8)
}
END {
  allocators = split(names, name, " ")
  if ("one" in seen) {
    title("One malloc: resident KiB, and how much more than on glibc")
    printf "%-18s", "resident"
    for (a = 1; a <= allocators; ++a) printf "%12d", worst["after", "one", name[a], "idle"]
    printf "\n%-18s", "more"
    for (a = 1; a <= allocators; ++a)
      printf "%12d", worst["after", "one", name[a], "idle"] - worst["after", "one", "glibc", "idle"]
    print ""
  }
  if (phases == ("one" in seen)) exit
  title("Resident MiB right after"); rows("idle", "after", "%12d")
  title("Resident MiB after idling"); rows("idle", "later", "%12d")
  title("CPU seconds while idle"); rows("idle", "cpu", "%12.3f")
  title("Resident MiB right after malloc_trim(0)"); rows("trim", "after", "%12d")
}
