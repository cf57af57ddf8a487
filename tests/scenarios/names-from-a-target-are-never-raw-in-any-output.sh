# Escape sequences and line breaks in the names of a process, its threads and its arguments come out
# escaped, in text and in JSON, on stdout and on stderr.
. "$(dirname "$0")/../scenario.sh"

plain() {
  ! LC_ALL=C grep -q '[^[:print:][:blank:]]' <(LC_ALL=C tr -d '\200-\377' <stdout) ||
    fail 'a raw control byte is in the output'
  ! grep -q "$(printf '\033')" stderr || fail 'a raw escape is in the errors'
  [[ $* != *--json* ]] || json . >/dev/null
}
look() {  # ADDRESS
  for words in 'explain --all' 'explain --json' map 'map --json' "page $target $1" \
    "page --json $target $1"; do
    [[ $words == page* ]] || words+=" $target"
    run strata $words
    exits_with 0
    plain "$words"
  done
}
specimen threads
look "$(stated thread.2.local)"
specimen odd-name
run strata explain "$target"
says "$(stated name) ($target)"
run strata explain --json "$target"
equals "$(json .target.name)" "$(stated name)" 'its name'
equals "$(json .target.command_line)" "$(stated command)" 'its command line'
look "$(awk '/stack/ { print "0x" substr($1, 1, index($1, "-") - 1) }' "/proc/$target/maps")"
