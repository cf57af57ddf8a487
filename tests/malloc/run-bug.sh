# tests/malloc/run-bug.sh - a program with one bug must end as its source says: by SIGABRT with one line
# that says which, under the defaults and hardened, unless it says otherwise.
#
#   run-bug.sh SOURCE PROGRAM
#
# Lines in the source:
#   // With  A B…               it is run once with each as its argument
#   // Under  OPTIONS  ENDING   and each time with these as STRATA_MALLOC: SIGABRT, SIGSEGV (and no
#                               line), or unseen, where the malloc does not look for that
# What the line of a SIGABRT must say stands in expected-words, by the program's name.
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
mapfile -t variants < <(sed -n 's,^// Under  *,,p' "$source")
((${#variants[@]})) || variants=('harden:0 SIGABRT' 'harden:1 SIGABRT')

said=$(mktemp)
trap 'rm -f "$said"' EXIT
bad=0
for variant in "${variants[@]}"; do
  read -r options ending <<<"$variant"
  case $ending in
    SIGABRT) expected=134 lines=1 first=$words ;;
    SIGSEGV) expected=139 lines=0 first= ;;
    unseen) expected=0 lines=1 first='the bug went unseen' ;;
    *) echo "$source: no such ending: $ending"; exit 1 ;;
  esac
  for argument in "${arguments[@]}"; do
    status=0
    # In a shell of its own, so that its "Aborted" is not among what the program said.
    { STRATA_MALLOC=$options bash "$here/run.sh" "$program" ${argument:+"$argument"} >"$said" 2>&1; } \
      2>/dev/null || status=$?
    wrong=
    ((status == expected)) || wrong="status $status instead of $expected"
    (($(wc -l <"$said") == lines)) ||
      wrong+="${wrong:+, }$(wc -l <"$said") lines instead of $lines"
    # shellcheck disable=SC2053  # a pattern
    [[ $(head -n 1 "$said") == $first* ]] || wrong+="${wrong:+, }the line does not begin with: $first"
    what="${argument:-it} under $options"
    [[ -n $wrong ]] || { printf '%s: %s %s\n' "$what" "$ending" "$(<"$said")"; continue; }
    printf '%s: %s; it said:\n' "$what" "$wrong"
    head -n 5 "$said"
    bad=1
  done
done
exit $bad
