# Addresses of every kind: each fact of `page` is the kernel's own, and each symbol gdb's.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

hold_page() {  # WHAT ADDRESS
  page_at "$2"
  local key said entry
  local -A by_kernel=()
  while IFS='=' read -r key said; do by_kernel[$key]=$((said > 0)); done \
    < <("$KERNEL_SAYS" "$target" "$2" 1)
  while read -r key said; do
    [[ ! -v by_kernel[$key] ]] || equals "$said" "${by_kernel[$key]}" "$1: $key"
  done < <(jq -r '.page | ("present", "swapped", "file", "zero", "huge", "guard") as $key
    | "\($key) \(if .[$key] then 1 else 0 end)"' stdout)
  entry=$(perl -e 'open my $file, "<", $ARGV[0]; sysseek $file, 8 * int((hex $ARGV[1]) / 4096), 0;
    sysread $file, my $word, 8; print unpack "q", $word' "/proc/$target/pagemap" "$2")
  equals "$(jq '.page.exclusive | if . then 1 else 0 end' stdout)" $((entry >> 56 & 1)) "$1: exclusive"
  ((EUID > 0 || (entry >> 63 & 1) == 0)) ||
    equals "$(json .page.frame)" $((entry & ((1 << 55) - 1))) "$1: its frame"
  grep -q "^$(jq -r .space.start stdout | sed 's/0x0*//')-" <(sed 's/^0*//' "/proc/$target/maps") ||
    fail "$1: its mapping"
}
for place in guards:hidden guards:guard zero-pages:read thp:full memfd:partly memfd:twice.first \
  file-pages:read file-pages:untouched sections:specimen_two fork-cow:shared threads:tls.2 io-uring:rings; do
  start_specimen "${place%%:*}"
  if has_stated skip; then
    echo "$place: skipped, $(stated skip)"
  elif has_stated "${place#*:}ed.unsupported"; then
    echo "$place: skipped, $(stated "${place#*:}ed.unsupported")"
  else  # a key that is not stated fails here
    hold_page "$place" "$(stated "${place#*:}.address")"
  fi
  end_specimen
done

specimen sections
# Between two symbols of a library lies code that the file names nothing: the widest such gap.
needs readelf
read -r library bias < <(awk '/libc\.so\.6$/ && $3 ~ /^0+$/ { sub(/-.*/, "", $1); print $6, $1; exit }' \
  "/proc/$target/maps") || skip 'it has no libc.so.6'
{ readelf -WS "$library" && readelf -Ws "$library"; } 2>/dev/null | perl -e '
  my ($text, $end, @symbols);
  while (<STDIN>) {
    if (/ \.text +PROGBITS +([0-9a-f]+) +[0-9a-f]+ +([0-9a-f]+)/) { ($text, $end) = (hex $1, hex($1) + hex $2) }
    next unless /^ *\d+: ([0-9a-f]{16}) +(\S+) (?:FUNC|OBJECT|NOTYPE|IFUNC) +\S+ +\S+ +\d+ ([^@\s]+)/;
    my ($start, $size, $name) = (hex $1, $2 =~ /^0x/ ? hex $2 : $2, $3);
    push @symbols, [$start, $start + $size, $name] if $text <= $start && $start < $end;
  }
  my ($last, $width, $at, $ends) = ($text, 0);
  for (sort { $a->[0] <=> $b->[0] } @symbols, [$end, $end, ""]) {
    ($width, $at, $ends) = ($_->[0] - $last, int(($_->[0] + $last) / 2), $last) if $_->[0] - $last > $width;
    $last = $_->[1] if $_->[1] > $last;
  }
  printf "%x %x %s\n", $at, $ends, join ",", map { $_->[2] } grep { $_->[1] == $ends } @symbols' >gap
read -r at ends names <gap
page_at "$(printf '%x' $((0x$bias + 0x$at)))"
json '.space | .symbol == null and .symbol_offset == null and .section == ".text"' >/dev/null
equals "$(json .space.symbol_before_end)" "0x$(printf '%x' $((0x$bias + 0x$ends)))" 'where the one before ends'
[[ ,$names, == *",$(json .space.symbol_before),"* ]] || fail "the one before is of $names"
run strata page "$target" "$(printf '%x' $((0x$bias + 0x$at)))"
says "which ends $((0x$at - 0x$ends)) bytes before"

needs gdb
asks_gdb() {
  timeout 60 gdb -q -nx -batch -iex 'set debuginfod enabled off' -p "$target" "$@" \
    </dev/null 2>gdb.errors | grep -E '^\$|^[^ ]+( \+ [0-9]+)? in section'
}
asks_gdb -ex 'print (void*) &main' -ex 'print (void*) &constants' -ex 'print (void*) &zeros[100]' \
  -ex 'print (void*) $pc' >places || skip 'gdb cannot look at it here'
grep -oE '0x[0-9a-f]+' places >addresses
symbols=()
while read -r address; do symbols+=(-ex "info symbol $address"); done <addresses
asks_gdb "${symbols[@]}" >symbols
while read -r address <&3 && read -r symbol <&4; do  # "zeros + 100 in section .bss", "of FILE" follows
  page_at "$address"
  read -r name plus offset rest <<<"$symbol"
  [[ $plus == + ]] || offset=0 rest=${symbol#* }
  equals "$(json .space.symbol)" "$name" "the symbol at $address"
  equals "$(json .space.symbol_offset)" "$offset" "the offset at $address"
  [[ "$rest " == *"in section $(json .space.section) "* ]] || fail "its section by gdb: $symbol"
done 3<addresses 4<symbols
holds "$(wc -l <symbols) >= 3" 'symbols compared'
