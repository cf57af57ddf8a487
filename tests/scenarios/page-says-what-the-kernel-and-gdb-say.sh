# Addresses of every kind: each fact of `page` is the kernel's own, and each symbol gdb's.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

hold_page() {  # WHAT ADDRESS
  page_at "$2"
  local key
  for key in present swapped file zero huge guard; do
    want=$(("$(kernel_says $key "$2" 1)" > 0)) got=$(jq ".page.$key | if . then 1 else 0 end" stdout)
    equals "$got" "$want" "$1: $key"
  done
  local entry
  entry=$(od -An -tx8 -j $(($2 / 4096 * 8)) -N 8 "/proc/$target/pagemap")
  entry=$((16#${entry// /}))
  equals "$(jq '.page.exclusive | if . then 1 else 0 end' stdout)" $((entry >> 56 & 1)) "$1: exclusive"
  ((EUID > 0 || (entry >> 63 & 1) == 0)) ||
    equals "$(json .page.frame)" $((entry & ((1 << 55) - 1))) "$1: its frame"
  grep -q "^$(jq -r .space.start stdout | sed 's/0x0*//')-" <(sed 's/^0*//' "/proc/$target/maps") ||
    fail "$1: its mapping"
}
for place in guards:hidden guards:guard zero-pages:read thp:full memfd:partly memfd:twice.first \
  file-pages:read file-pages:untouched sections:specimen_two fork-cow:shared threads:tls.2 io-uring:rings; do
  start_specimen "${place%%:*}"
  has_stated skip || ! has_stated "${place#*:}.address" ||
    hold_page "$place" "$(stated "${place#*:}.address")"
  end_specimen
done

specimen sections
needs gdb
gdb -q -nx -batch -p "$target" -ex 'info address main' -ex 'print &malloc' -ex 'print &constants' \
  -ex 'print &zeros' -ex 'print (void*) $pc' >gdb.out 2>gdb.err || skip "gdb cannot look here"
grep -oE '0x[0-9a-f]+' gdb.out | sort -u >addresses
(($(wc -l <addresses) >= 3)) || skip 'gdb says too little'
while read -r address; do
  symbol=$(gdb -q -nx -batch -p "$target" -ex "info symbol $address" 2>gdb.err | tail -n 1)
  page_at "$address"
  equals "$(json .space.symbol)" "${symbol%% *}" "the symbol at $address"
  [[ $symbol != *"in section $(json .space.section)"* ]] && fail "its section: $symbol"
  [[ $symbol =~ \+\ ([0-9]+)\ in ]] && offset=${BASH_REMATCH[1]} || offset=0
  equals "$(json .space.symbol_offset)" "$offset" "the offset at $address"
done <addresses
