#!/usr/bin/env bash
# What the malloc is made of stays as malloc/golden has it: which libraries and symbols it needs, and how
# many instructions its fast paths have (of x86-64, for the compiler that the file is named after).
# Where a change is meant, `tests/malloc/golden.sh LIBRARY write` writes them anew.
set -euo pipefail
library=$1
golden=$(cd "$(dirname "$0")/../../malloc/golden" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

{
  readelf -dW "$library" | sed -nE 's/.*\(NEEDED\).*\[(.*)\]/library \1/p'
  # A weak one may be missing: what C++ brings, and the linker's own files, which are left out.
  nm -D --undefined-only "$library" | awk '{print ($1 ~ /^[wv]$/ ? "weak " : "needs ") $2}' |
    sed 's/@.*//' | grep -vE ' (_ITM_|__gmon_start__|__cxa_finalize)' | sort
} >"$work/needs"

# Instructions from a function's first to its first return, no branch taken.
objdump -d --no-show-raw-insn "$library" | awk '
  /^[0-9a-f]+ <[^>]+>:$/ { name = substr($2, 2, length($2) - 3); count = 0; open = 1; next }
  open && /^ +[0-9a-f]+:/ {
    if ($2 ~ /^(nop|data16|cs)/) next
    ++count
    if ($2 == "ret" || $2 == "jmp") { print name, count; open = 0 }
  }' | awk '
  BEGIN {
    shown["malloc"] = shown["free"] = "C"
    shown["_Znwm"] = "operator new"; shown["_ZdlPv"] = "operator delete"
    shown["_ZdlPvm"] = "sized operator delete"
  }
  $1 in shown { printf "%-22s %d\n", shown[$1] == "C" ? $1 "()" : shown[$1], $2 }' |
  sort >"$work/fast-paths"

compiler=$(readelf -p .comment "$library" | sed -nE 's/.*GCC: .* ([0-9]+)\.[0-9]+\.[0-9]+$/gcc-\1/p' | head -n 1)
counts=fast-paths.$(uname -m).${compiler:-other}
if [[ ${2:-} == write ]]; then
  cp "$work/needs" "$golden/needs"
  cp "$work/fast-paths" "$golden/$counts"
  exit
fi
failed=0
diff "$golden/needs" "$work/needs" || failed=1
if [[ -e $golden/$counts ]]; then
  diff "$golden/$counts" "$work/fast-paths" || failed=1
else
  echo "there is no $counts; the counts here:"
  cat "$work/fast-paths"
fi
exit "$failed"
