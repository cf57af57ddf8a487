#!/usr/bin/env bash
# tests/checks/format.sh: every source stands as clang-format-19 would write it.
set -euo pipefail
cd "${ROOT:-$(dirname "$0")/../..}"
command -v clang-format-19 >/dev/null || {
  echo "clang-format-19 is not installed; ./dev lint installs it"
  exit 77
}

folders=()
for folder in abi base inspect present malloc agent specimens lab cli tests bench; do
  [[ -d $folder ]] && folders+=("$folder")
done
# One line a file is enough: the cure is the same for all.
find "${folders[@]}" \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) -print0 |
  xargs -0 clang-format-19 --dry-run 2>&1 |
  awk -F: '/clang-format-violations/ { if (!($1 in places)) first[$1] = $2; places[$1]++ }
    !/^[ \t]/ && !/clang-format-violations/ && /(error|warning): / { print; bad = 1 }
    END {
      for (file in places) {
        printf "%s:%d: %d places stand otherwise than clang-format would write them\n", file, first[file], places[file]
        bad = 1
      }
      if (bad) print "./dev format puts this right"
      exit bad
    }'
