# What an ELF section holds is its overlap with resident pages: two sections in one page divide it, and
# what was not touched of .bss is in its size alone.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen sections
explained
data='code and data / sections / data rw-'
for name in specimen_one specimen_two; do
  equals "$(booked "$data / $name")" "$(stated $name.anonymous)" $name
done
# Beside what is stated a section holds some words of the compiler's, and pads to pages, three at most.
near() { holds "$1 >= $2 && $1 <= $2 + 12288" "$3"; }
written=$(stated data.written.anonymous) unwritten=$(stated data.unwritten.file)
# GCC puts what is const and volatile into .data.
constants=$(stated rodata.size)
near "$(booked "$data / .data")" $((written + unwritten + constants)) '.data'
near "$(booked "$data / .data" anonymous)" "$written" 'what was written of .data'
near "$(booked "$data / .bss")" "$(stated bss.written.size)" '.bss'
near "$(booked "$data / .bss" virtual)" \
  "$(($(stated bss.written.size) + $(stated bss.unwritten.size)))" 'the size of .bss'
for name in specimen_one:specimen_one specimen_two:specimen_two data.unwritten:.data bss.unwritten:.bss; do
  page_at "$(stated "${name%:*}.address")"
  equals "$(json .space.section)" "${name#*:}" "where ${name%:*} is"
done
