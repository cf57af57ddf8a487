#!/usr/bin/env bash
# tests/checks/specimens-are-listed.sh: each specimen opens with its name and stands in the README,
# and the README lists no other.
set -euo pipefail
cd "${ROOT:-$(dirname "$0")/../..}/specimens"

bad=0
for file in *.c; do
  name=${file%.c}
  IFS= read -r first <"$file"
  [[ $first == "// $name - "* ]] || { echo "$file:1: should open with \"// $name - \""; bad=1; }
done
# Names in the first column of the table, whose heading is "specimen".
listed=$(awk -F'|' '/^\| specimen / { on = 1; next } on && !/^\|/ { exit } on { print $2 }' README.md |
  grep -o '`[^`]*`' | tr -d '`' | LC_ALL=C sort)
there=$(printf '%s\n' *.c | sed 's/\.c$//' | LC_ALL=C sort)
differences=$(LC_ALL=C comm -3 <(echo "$listed") <(echo "$there"))
[[ -z $differences ]] || {
  echo "README.md: its table and the files differ (listed only at the left): $differences"
  bad=1
}
exit "$bad"
