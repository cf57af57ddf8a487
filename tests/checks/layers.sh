#!/usr/bin/env bash
# tests/checks/layers.sh: no folder includes from a layer that stands after itself.
#
# Layers in their order; a folder may include from itself and from what stands before it. Three are
# stricter: malloc/ and agent/ run inside other people's programs and use abi/ alone, and specimens/
# are what is looked at, so they share nothing with what looks. tests/ and bench/ may use all.
# Includes of ours are written from the root, in quotes; specimens, each a program of its own, write
# theirs from where they stand.
set -euo pipefail
cd "$(dirname "$0")/../.."

layers="abi base inspect/target inspect/page inspect/space inspect/heap inspect/object \
inspect/ledger present malloc agent specimens lab cli"
alone="malloc:abi agent:abi specimens:"

# check TREE: prints "file:line: include: the rule" for each offence; fails if there is one.
check() {
  find "$1" \( -name .git -o -path "$1/build" \) -prune -o \
    \( -name '*.h' -o -name '*.cc' -o -name '*.c' \) -print | sort >"$scratch/files"
  [[ -s $scratch/files ]] || { echo "no sources in $1"; return 1; }
  xargs awk -v layers="$layers" -v alone="$alone" -v tree="$1/" '
    function layer_of(path,   i) {
      for (i = 1; i <= count; i++) if (index(path, name[i] "/") == 1) return i
      return 0
    }
    # Where a relative include of a specimen leads, seen from the root.
    function resolved(path,   from) {
      from = file
      sub(/[^\/]*$/, "", from)
      while (sub(/^\.\.\//, "", path)) sub(/[^\/]*\/$/, "", from)
      return from path
    }
    function offends(rule) {
      printf "%s:%d: %s: %s\n", file, FNR, $0, rule
      bad = 1
    }
    BEGIN {
      count = split(layers, name, " ")
      for (i = 1; i <= count; i++) folder[substr(name[i], 1, index(name[i] "/", "/") - 1)] = 1
      folder["tests"] = folder["bench"] = 1
      n = split(alone, pair, " ")
      for (i = 1; i <= n; i++) { split(pair[i], part, ":"); only[part[1]] = part[2]; strict[part[1]] }
    }
    FNR == 1 {
      file = substr(FILENAME, length(tree) + 1)
      own = layer_of(file)
      first = substr(file, 1, index(file, "/") - 1)
      if (!own && (first in folder) && first != "tests" && first != "bench")
        offends("the folder is no layer; every source stands in one of: " layers)
    }
    !own || !/^[ \t]*#[ \t]*include[ \t]*["<]/ { next }
    {
      quoted = /include[ \t]*"/
      path = $0
      sub(/^[^"<]*["<]/, "", path); sub(/[">].*$/, "", path)
      top = substr(path, 1, index(path, "/") - 1)
      if (!quoted && !(top in folder)) next
      if (!quoted) { offends("what is ours is included in quotes"); next }
      if (name[own] == "specimens" && !(top in folder)) path = resolved(path)
      used = layer_of(path)
      if (!used) offends("not in a layer; includes name their path from the root")
      else if (used == own) next
      else if (name[own] in strict) {
        if (name[used] != only[name[own]])
          offends(name[own] " may use " (only[name[own]] == "" ? "nothing but itself" : only[name[own]] " alone"))
      } else if (used > own) offends(name[used] " stands after " name[own])
    }
    END { exit bad }' <"$scratch/files"
}

# The check itself: each of these trees holds one file that offends, or none.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
try() {  # try VERDICT FILE INCLUDE-LINE
  rm -rf "$scratch/tree"
  mkdir -p "$scratch/tree/$(dirname "$2")"
  printf '// a line before\n%s\n' "$3" >"$scratch/tree/$2"
  local said status=0
  said=$(check "$scratch/tree") || status=$?
  if [[ $1 == good && -z $said && $status == 0 ]]; then return; fi
  if [[ $1 == bad && $said == "$2:2: $3: "* && $status != 0 ]]; then return; fi
  echo "the check is broken: $2 with $3 should be $1; it said (status $status): $said"
  exit 1
}
try good inspect/space/a.cc '#include "inspect/page/page_run.h"'
try good inspect/page/a.cc '#include <vector>'
try good inspect/page/a.cc '#include <sys/mman.h>'
try good inspect/page/a.cc '// #include "cli/main.h"'
try good malloc/a.cc '#include "abi/layout.h"'
try good malloc/a.cc '#include "malloc/span.h"'
try good tests/a.cc '#include "cli/main.h"'
try bad inspect/page/a.cc '#include "inspect/heap/heap.h"'
try bad base/a.h '#include "inspect/target/target.h"'
try bad abi/a.h '  #  include "base/units.h"'
try bad base/a.cc '#include <present/text.h>'
try bad inspect/page/a.cc '#include "page_run.h"'
try bad inspect/page/a.cc '#include "../space/space.h"'
try bad base/a.cc '#include "tests/replay.h"'
try bad malloc/a.cc '#include "base/units.h"'
try bad agent/a.cc '#include "malloc/span.h"'
try bad specimens/a.cc '#include "abi/layout.h"'
try good specimens/a.c '#include "specimen.h"'
try good specimens/guest/a.h '#include "../specimen.h"'
try bad specimens/guest/a.h '#include "../../base/units.h"'
try bad present/a.cc '#include "malloc/span.h"'

check "${ROOT:-$PWD}" || exit 1
