# Unknown commands, options, words and times, and missing arguments: exit 2, the word, and what to type.
. "$(dirname "$0")/../scenario.sh"

wrong() {  # ARGUMENTS TEXT…
  run strata $1
  exits_with 2
  [[ ! -s stdout ]] || fail 'something is on stdout'
  for text in "${@:2}"; do error_says "$text"; done
}
wrong 'explian 1' 'no command explian' 'help: '
wrong "explain --frezee $$" '--frezee' 'did you mean --freeze?'
wrong "map --sorted $$" '--sorted' 'did you mean --sort?'
wrong "page --jsno $$ 0" '--jsno' 'did you mean --json?'
wrong 'explain' 'needs TARGET' 'help: '
wrong "page $$" 'needs ADDRESS' 'help: '
wrong "explain $$ $$" "does not know what to do with $$"
wrong "map --sort weight $$" 'cannot sort by weight' 'proportional'
wrong "page $$ 0xzz" '0xzz is not an address' 'hexadecimal'
wrong "page $$ 0x1" 'nothing is mapped at 0x1' 'above' 'strata map'
for limit in 0s -1s 1 1h 61s ms 1e99s nans; do
  wrong "explain --freeze --freeze-limit=$limit $$" "--freeze-limit $limit is not a time" '200ms'
done
wrong "explain --freeze-limit 1s $$" 'means nothing without --freeze'
wrong ''  'usage: strata COMMAND'
STRATA_WITHOUT=luck wrong "explain $$" 'STRATA_WITHOUT names "luck"' 'pagemap_scan'

# Each finding's page comes along in the executable.
for page in "$ROOT"/docs/findings/*.md; do
  name=$(basename "$page" .md)
  [[ $name != README ]] || continue
  run strata help "$name"
  exits_with 0
  cmp -s stdout "$page" || fail "strata help $name is not docs/findings/$name.md"
done
