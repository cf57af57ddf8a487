# dev.d/tally.awk - of ctest's JUnit file: TESTS PASSED SKIPPED FAILED, and into `skips` a line
# `part`, test, reason of each that was skipped: a test, a case of a unit test, a specimen of a
# scenario ("NAME: skipped, REASON"). A unit test that ran to its end counts as its cases.

function attribute(name) {
  return match($0, name "=\"[^\"]*\"") ? substr($0, RSTART + length(name) + 2, RLENGTH - length(name) - 3) : ""
}
function plain(text) {
  gsub(/<\/?system-out>/, "", text)
  gsub(/&lt;/, "<", text); gsub(/&gt;/, ">", text); gsub(/&quot;/, "\"", text); gsub(/&amp;/, "\\&", text)
  gsub(/\t/, " ", text)
  return text
}
function skip(what, reason) { printf "%s\t%s\t%s\n", part, what, reason >> skips }

/<testcase / {
  test = attribute("name"); status = attribute("status")
  cases = 1; left = 0; bad = status == "fail"; last = ""
  next
}
/<\/testcase>/ {
  if (status == "notrun" || status == "disabled") {
    left = 1
    sub(/^skipped: /, "", last)
    skip(test, last)
  }
  all += cases; skipped += left; failed += bad
  test = ""
  next
}
test == "" { next }
/^\[==========\] [0-9]+ tests? from .* ran/ { cases = $2 }
/^\[  SKIPPED \] [0-9]+ tests?/ { left = $4 }
/^\[  FAILED  \] [0-9]+ tests?, listed below/ { bad = $4 }
/:[0-9]+: Skipped$/ {
  where = plain($0)
  sub(/: Skipped$/, "", where); sub(/.*\//, "", where)
  getline
  skip(test " " where, plain($0))
  next
}
/: skipped, / {
  what = why = plain($0)
  sub(/: skipped, .*/, "", what); sub(/.*: skipped, /, "", why); gsub(/^ +/, "", what)
  skip(test " " what, why)
}
{ text = plain($0); if (text !~ /^[ \t]*(<.*>)?$/) last = text }
END { printf "%d %d %d %d\n", all, all - skipped - failed, skipped, failed }
