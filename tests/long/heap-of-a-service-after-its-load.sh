# MariaDB, on glibc's malloc, keeps its RSS after a load has ended and its tables are closed. What
# Strata says that malloc_trim(0) would give back, arena by arena, is what the kernel then counts
# less in each, to the page; and then there is nothing left to be given back.
#
# gdb calls malloc_trim(0) in the server, which was never prepared for it, and holds it still while
# the kernel is asked. What gdb itself makes of pages (its breakpoints, in code) is told apart by
# mapping: what all of them together lost is what RSS lost.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"
PATH=$PATH:/usr/sbin:/sbin
needs mariadbd mariadb mariadb-install-db gdb
needs_root
patience=120
freeze_limit=60s

tables=300
columns=40
clients=24
no_files=(--no-defaults --user=root --datadir="$PWD/cluster")
mariadb-install-db "${no_files[@]}" --auth-root-authentication-method=normal --skip-test-db \
  >log 2>&1 || skip "mariadb-install-db: $(tail -n 1 log)"
mariadbd "${no_files[@]}" --socket="$PWD/socket" --skip-networking --pid-file="$PWD/pid" \
  --innodb-buffer-pool-size=16M --skip-log-bin --table-open-cache=6000 --thread-cache-size=8 \
  >>log 2>&1 &
server=$!
target=$server
ask() { mariadb --no-defaults --user=root --socket="$PWD/socket" -N "$@"; }
eventually ask -e 'select 1' >answers 2>&1

for ((table = 1; table <= tables; ++table)); do
  printf 'create table t%d (i int primary key auto_increment' "$table"
  for ((column = 1; column <= columns; ++column)); do
    printf ', c%d varchar(100) default "x%d"' "$column" "$column"
  done
  echo ') engine=myisam;'
  printf "insert into t%d (c1) values ('a'), ('b');\n" "$table" >>load
  printf "select count(*), max(c2) from t%d where c1 <> 'q';\n" "$table" >>load
done >tables
ask -e 'create database d'
ask d <tables

anonymous() { status RssAnon; }
before=$(anonymous)
loads=()
for ((client = 0; client < clients; ++client)); do
  ask d <load >"answers.$client" 2>&1 &
  loads+=("$!")
done
for load in "${loads[@]}"; do wait "$load" || fail "the load: $(tail -n 1 answers.*)"; done
ask -e 'flush tables'
is_quiet() { [[ $(ask -e "show status like 'Threads_connected'") == *$'\t1' ]]; }
eventually is_quiet
after=$(anonymous)
printf 'RssAnon: %d KiB before the load, %d KiB after its end\n' $((before >> 10)) $((after >> 10))

# What Strata says of it, frozen, as somebody would ask at night.
heap_of
cp stdout while-it-ran
foreseen=$(json .totals.releasable_bytes)
holds "$foreseen > (after - before) / 2" "most of what stayed is releasable"
run strata explain --json "$server"
equals "$(json '.findings[] | select(.id == "heap-free-but-resident") | .bytes > 0')" true 'the finding'
run strata explain --findings-only "$server"
says 'by malloc_trim(0).'

# Between two stops the server's own threads may allocate. So it is asked again while gdb holds all
# of them; where one holds an arena's lock, malloc_trim would wait for it.
cat >trim.gdb <<END
set scheduler-locking on
shell '$STRATA' heap --json $server >foreseen
shell jq -e 'any(.arenas[]; .locked) | not' foreseen >jq
if \$_shell_exitcode == 0
  shell cat /proc/$server/smaps >smaps.before
  print (int)malloc_trim(0)
  shell cat /proc/$server/smaps >smaps.after
  shell '$STRATA' heap --json $server >left
end
END
gdb_did() {
  gdb -q -nx -batch -p "$server" -x trim.gdb >gdb.out 2>&1 </dev/null
  kill -0 "$server" || fail "the server ended under gdb: $(tail -n 20 gdb.out log)"
  [[ -s left ]]
}
eventually gdb_did
grep -q '= 1$' gdb.out || fail "malloc_trim(0) gave nothing back: $(tail -n 3 gdb.out)"

# Anonymous bytes of each mapping, as: first address, bytes; and of those within a range.
anonymous_of() {
  awk '/^[0-9a-f]+-[0-9a-f]+ / { split($1, at, "-"); start = at[1] }
    $1 == "Anonymous:" { print start, $2 * 1024 }' "$1"
}
within() {
  local from=$1 until=$2 sum=0 start bytes
  while read -r start bytes; do
    ((0x$start < from || 0x$start >= until)) || ((sum += bytes))
  done <"$3"
  echo "$sum"
}
anonymous_of smaps.before >pages.before
anonymous_of smaps.after >pages.after

released=0
arenas=0
while read -r index bytes regions; do
  lost=0
  for region in $regions; do
    ((lost += $(within "${region%-*}" "${region#*-}" pages.before) -
      $(within "${region%-*}" "${region#*-}" pages.after))) || true
  done
  equals "$lost" "$bytes" "arena $index: what it lost, and what was foreseen"
  ((released += bytes, ++arenas))
done < <(jq -r '.arenas[] | [.index, .releasable_bytes, (.regions[] | .start + "-" + .end)] | @tsv' \
  foreseen)
equals "$released" "$(jq .totals.releasable_bytes foreseen)" 'the sum over the arenas'
equals "$(jq .totals.releasable_bytes left)" 0 'releasable afterwards'
equals "$(jq .totals.pinned_bytes left)" "$(jq .totals.pinned_bytes foreseen)" 'pinned, as before'
equals "$(jq .totals.live_bytes left)" "$(jq .totals.live_bytes foreseen)" 'live, as before'

# All of it together: RSS lost that, but for what gdb made of pages elsewhere: a page of code for
# each breakpoint (two were seen, in libc and in libstdc++), and of the stack it calls on.
sum_of() { awk '{ sum += $2 } END { printf "%.0f\n", sum }' "$1"; }
elsewhere=$(($(sum_of pages.after) - $(sum_of pages.before) + released))
holds "elsewhere >= 0 && elsewhere <= 64 << 10" 'bytes that gdb dirtied outside of the heap'
# Where the server did nothing before gdb came, the frozen look said the same.
as_it_was() { jq -c '[.arenas[] | [.live_bytes, .free_bytes, .cached_bytes, .fast_bytes]]' "$1"; }
if [[ $(as_it_was while-it-ran) == "$(as_it_was foreseen)" ]]; then
  equals "$foreseen" "$released" 'what the frozen look foresaw'
fi
printf '%d arenas: %d KiB foreseen while it ran, %d KiB released, %d KiB pinned; RssAnon %d KiB\n' \
  "$arenas" $((foreseen >> 10)) $((released >> 10)) \
  $(($(jq .totals.pinned_bytes left) >> 10)) $(($(anonymous) >> 10))
