# What each ELF section holds is the overlap with resident pages; two sections in one page divide it.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

specimen sections
explained
for name in specimen_one specimen_two; do
  equals "$(booked "code and data / sections / data rw- / $name")" "$(stated $name.anonymous)" $name
done
data=$(stated data.written.size) zeros=$(stated bss.written.size)
for part in "read-only r--:.rodata:$(stated rodata.size)" "data rw-:.data:$((2 * data))" \
  "data rw-:.bss:$zeros"; do
  IFS=: read -r segment section least <<<"$part"
  got=$(booked "code and data / sections / $segment / $section")
  # Besides what is stated, a section holds the compiler's and libc's own few words.
  holds "$got >= $least && $got < $least + 8192" "$section: $got"
done
equals "$(booked 'code and data / sections / data rw- / .data' anonymous)" "$(
  kernel_says anonymous "$(stated data.written.address)" "$data")" 'what was written of .data' ||
  true
for name in specimen_one specimen_two data.unwritten; do
  page_at "$(stated $name.address)"
  equals "$(json .space.section)" "$([[ $name == data* ]] && echo .data || echo $name)" "$name by page"
done
