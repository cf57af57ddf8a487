# tests/malloc/run-bug.sh - a program with one bug must end by SIGABRT with one line that says which.
#
#   run-bug.sh SOURCE PROGRAM
#
# Lines "// With  A B…" in the source: it is run once with each as its argument. What the line must
# say stands in expected-words, by the program's name.
set -u
export LC_ALL=C
here=$(dirname "$0")
source=$1 program=$2 name=${2##*/}
# bash says itself what became of a child, and dumps no core.
ulimit -c 0

words=$(awk -v name="$name" '$1 == name { sub(/^[^ ]+ +/, ""); print; found = 1; exit }
  $1 == "*" { sub(/^[^ ]+ +/, ""); all = $0 } END { if (!found) print all }' "$here/expected-words")
read -r -a arguments < <(sed -n 's,^// With  *,,p' "$source" | paste -sd ' ')
((${#arguments[@]})) || arguments=('')

said=$(mktemp)
trap 'rm -f "$said"' EXIT
bad=0
for argument in "${arguments[@]}"; do
  status=0
  # In a shell of its own, so that its "Aborted" is not among what the program said.
  { bash "$here/run.sh" "$program" ${argument:+"$argument"} >"$said" 2>&1; } 2>/dev/null || status=$?
  wrong=
  ((status == 134)) || wrong="status $status instead of 134 (SIGABRT)"
  (($(wc -l <"$said") == 1)) || wrong+="${wrong:+, }$(wc -l <"$said") lines instead of one"
  # shellcheck disable=SC2053  # a pattern
  [[ $(head -n 1 "$said") == $words* ]] || wrong+="${wrong:+, }the line does not begin with: $words"
  [[ -n $wrong ]] || { printf '%s: %s\n' "${argument:-it}" "$(<"$said")"; continue; }
  printf '%s: %s; it said:\n' "${argument:-it}" "$wrong"
  head -n 5 "$said"
  bad=1
done
exit $bad
