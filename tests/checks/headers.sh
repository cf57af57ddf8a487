#!/usr/bin/env bash
# tests/checks/headers.sh: every header compiles by itself and opens with its own path and a line on it.
#
# By itself: a file that includes it and nothing else, so that no header leans on what its users
# happened to include before. Opens with: "// base/units.h - how much and where."
set -euo pipefail
cd "$(dirname "$0")/../.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# malloc and agent compile with flags of their own, and specimens are C.
folders="abi base inspect present lab cli"

# check TREE: prints what is wrong, compilers' messages included; fails if anything is.
check() {
  local bad=0 header first folder
  : >"$scratch/headers"
  for folder in $folders; do
    [[ -d $1/$folder ]] && (cd "$1" && find "$folder" -name '*.h') >>"$scratch/headers"
  done
  [[ -s $scratch/headers ]] || { echo "no headers in $1"; return 1; }
  while read -r header; do
    IFS= read -r first <"$1/$header" || true
    # On one line, or with the sentence going on in the next.
    [[ $first == "// $header - "?* ]] || {
      echo "$header:1: should begin with \"// $header - \" and a line on what it is"
      bad=1
    }
    grep -q '^#pragma once$' "$1/$header" || { echo "$header:1: has no #pragma once"; bad=1; }
  done <"$scratch/headers"
  # A header costs a compiler most of a second, so two at a time.
  # shellcheck disable=SC2016
  xargs -P 2 -I '{}' sh -c 'printf "#include \"%s\"\n" "$2" |
    ${CXX:-g++} -std=c++20 -fsyntax-only -x c++ -I"$1" - || { echo "$2: does not compile by itself"; exit 1; }' \
    sh "$1" '{}' <"$scratch/headers" 2>&1 || bad=1
  return "$bad"
}

# The check itself: a good header passes, each kind of bad one does not.
try() {  # try VERDICT TEXT SAYS
  rm -rf "$scratch/tree"
  mkdir -p "$scratch/tree/base"
  printf "$2" >"$scratch/tree/base/a.h"
  local said status=0
  said=$(check "$scratch/tree") || status=$?
  if [[ $1 == good && -z $said && $status == 0 ]]; then return; fi
  if [[ $1 == bad && $said == *"$3"* && $status != 0 ]]; then return; fi
  echo "the check is broken: this should be $1; it said (status $status): $said"
  cat "$scratch/tree/base/a.h"
  exit 1
}
try good '// base/a.h - a number.\n#pragma once\nusing A = int;\n'
try bad '// base/a.h - a string.\n#pragma once\nusing A = std::string;\n' 'does not compile by itself'
try bad '// base/b.h - a number.\n#pragma once\nusing A = int;\n' 'should begin with'
try bad '// base/a.h\n#pragma once\nusing A = int;\n' 'should begin with'
try bad '// base/a.h - a number.\nusing A = int;\n' 'no #pragma once'

check "${ROOT:-$PWD}" || exit 1
