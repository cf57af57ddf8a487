# Real programs do on the Strata malloc what they do on glibc's: the same output, the same exit code.
# Their own tests: suites-on-the-malloc.sh.
#   ONLY=REGEX  of their names
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
needs perl lua5.4 sqlite3 redis-server redis-benchmark git gcc g++ xz sort node

# Where $library is empty this compares glibc's with itself, which shows that the outputs are stable.
passed=0
failed=()
count_pass() { ((++passed)) && printf 'ok      %s\n' "$1"; }
count_fail() {
  printf 'not ok  %s: %s\n' "$1" "$2"
  failed+=("$1")
}

# both NAME CMD…: runs it in one folder under glibc's malloc and in another under ours. What differs
# from run to run by itself (times, PIDs, addresses) is no difference.
both() {
  local name=$1 folder status
  shift
  [[ $name =~ ${ONLY:-.} ]] || return 0
  for folder in glibc ours; do
    rm -rf "$folder"
    mkdir "$folder"
    status=0
    (
      cd "$folder"
      [[ $folder == glibc ]] || export LD_PRELOAD=$library
      exec timeout "${limit:-900}" "$@"
    ) >"$folder.out" 2>"$folder.err" </dev/null || status=$?
    echo "exit code $status" >>"$folder.out"
  done
  if ! diff -q <(stable <glibc.out) <(stable <ours.out) >/dev/null; then
    count_fail "$name" "$({ diff <(stable <glibc.out) <(stable <ours.out) || true; } | head -n 8 | cut -c 1-200)
$(tail -n 5 ours.err)"
  elif [[ $(tail -n 1 glibc.out) != 'exit code 0' ]]; then
    count_fail "$name" "under glibc too: $(tail -n 3 glibc.out glibc.err | tr '\n' ' ' | cut -c 1-300)"
  else
    count_pass "$name"
  fi
}
stable() { sed -E 's/[0-9]+(\.[0-9]+)? ?(ms|s|sec|seconds)\b/TIME/g; s/0x[0-9a-f]+/ADDRESS/g; s/pid [0-9]+/pid/g'; }

# ---- scripts ----

cat >work.pl <<'S'
my (%h, @a); my $x = 1;
for my $i (1 .. 400000) {
  $x = ($x * 1103515245 + 12345) % 2147483648;
  $h{"key" . $x % 100000} .= chr(65 + $x % 26); push @a, "s" x ($x % 60); shift @a if @a > 50000;
}
my $text = join ',', map { "$_=$h{$_}" } sort keys %h;
$text =~ s/([A-M]+)/<$1>/g; my $n = () = $text =~ /<[^>]*>/g;
my @sorted = sort { length $a <=> length $b or $a cmp $b } @a;
for (1 .. 20) { my $pid = fork // die; if (!$pid) { my %c = %h; delete @c{grep { /7/ } keys %c}; exit 0 } waitpid $pid, 0; die if $? }
print length $text, " $n ", scalar @sorted, " ", length join('', @sorted), "\n";
S
both 'perl: hashes, strings, forks' perl ../work.pl

cat >work.lua <<'S'
local t, x = {}, 1
for i = 1, 600000 do
  x = (x * 1103515245 + 12345) % 2147483648
  t[x % 50000] = { name = ("n"):rep(x % 40), value = x, t[(x + 1) % 50000] and "linked" }
  if i % 100000 == 0 then collectgarbage() end
end
local parts, n = {}, 0
for k, v in pairs(t) do parts[#parts + 1] = k .. v.name .. v.value; n = n + 1 end
table.sort(parts)
local s = table.concat(parts, ",")
print(n, #s, s:gsub("n+", "m"):len(), select(2, s:gsub("%d+", "")))
S
both 'lua: tables and strings' lua5.4 ../work.lua

cat >work.sql <<'S'
pragma journal_mode = memory;
create table t (id integer primary key, name text, body blob, x real);
create index by_name on t (name); create index by_x on t (x, name);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 120000)
insert into t select i, 'name' || (i * 7919 % 30011), substr(hex(i * 12345) || printf('%.*c', i % 300, 'x'), 1, i % 300), i * 0.37 from n;
update t set name = upper(name), body = body || body where id % 3 = 0;
delete from t where id % 7 = 0;
create table u as select name, count(*) n, sum(length(body)) s, group_concat(id) ids from t group by name;
select count(*), sum(n), sum(s), sum(length(ids)) from u;
select count(*) from t a join u b on a.name = b.name where a.x > 5000 and b.n > 1;
with w as (select name, x, row_number() over (partition by name order by x desc) r from t) select sum(x), max(r) from w;
select sum(json_array_length(j)) from (select json_group_array(name) j from t group by id % 100);
vacuum; pragma integrity_check;
select name, length(body) from t order by body, x limit 5;
S
both 'sqlite3: a heavy script and its integrity check' bash -c 'sqlite3 database <../work.sql && sqlite3 database "pragma integrity_check"'

cat >work.js <<'S'
const m = new Map(); let x = 1;
for (let i = 0; i < 400000; i++) {
  x = (x * 48271) % 2147483647;
  m.set('k' + x % 70000, { v: 'y'.repeat(x % 50), a: [i, x], b: i % 50 ? null : Buffer.alloc(x % 5000, 7) });
}
const text = JSON.stringify([...m].slice(0, 20000)); const zlib = require('zlib');
const packed = zlib.gzipSync(text);
console.log(m.size, text.length, zlib.gunzipSync(packed).toString() === text);
const { Worker, isMainThread } = require('worker_threads');
let done = 0;
for (let i = 0; i < 4; i++) new Worker('let s=0;for(let i=0;i<2e5;i++)s+=JSON.stringify({i,t:"x".repeat(i%90)}).length;require("worker_threads").parentPort.postMessage(s)', { eval: true })
  .on('message', (s) => { if (++done === 4) console.log('workers', s); });
S
both 'node: maps, buffers, workers' node ../work.js

# ---- tools ----

cat >inputs.pl <<'S'
my $x = 7;
for (1 .. 1200000) { $x = ($x * 1103515245 + 12345) % 2147483648; print "line $x ", 'z' x ($x % 40), "\n" }
S
perl inputs.pl >lines
both 'sort -S 200M --parallel=2' bash -c 'sort -S 200M --parallel=2 ../lines | sha256sum'
both 'sort -S 1M, by merging' bash -c 'sort -S 1M --parallel=2 -k 2n ../lines | sha256sum'
both 'xz -T2 there and back' bash -c 'xz -T2 --block-size=4MiB -3 -c ../lines | xz -T2 -dc | sha256sum'

git_work='
  export GIT_AUTHOR_DATE="2024-01-01T00:00:00Z" GIT_COMMITTER_DATE="2024-01-01T00:00:00Z"
  export GIT_CONFIG_GLOBAL=/dev/null GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a
  git init -q -b main origin && cd origin
  for i in $(seq 60); do
    for f in $(seq 20); do head -c $((i * f * 50)) ../../lines | tail -n $((i + f)) >file$f; done
    git add . && git commit -q -m "commit $i"
  done
  cd .. && git clone -q --no-local origin copy && cd copy
  git -c pack.threads=2 gc -q --aggressive --prune=now && git fsck --full --strict 2>&1
  git log --stat -p | sha256sum; git rev-parse HEAD; git blame file7 | sha256sum; git count-objects -v | grep in-pack'
both 'git: commits, clone, gc, fsck, log' bash -c "$git_work"

# Compilers that are large: the whole of the standard library's headers, and regular expressions.
cat >large.cc <<'S'
#include <bits/stdc++.h>
#include <regex>
template <int N> struct Tuple { using type = decltype(std::tuple_cat(std::declval<typename Tuple<N - 1>::type>(), std::tuple<std::integral_constant<int, N>>{})); };
template <> struct Tuple<0> { using type = std::tuple<>; };
int main() {
  std::map<std::string, std::vector<std::function<int(int)>>> m; std::regex r("(a|b)+c*[0-9]{2,5}");
  for (int i = 0; i < 100; i++) m[std::to_string(i)].push_back([i](int x) { return x + i; });
  std::cout << std::tuple_size_v<Tuple<20>::type> << m["5"][0](3) << std::regex_match("abab12", r) << std::endl;
}
S
both 'g++ -O2: a file of many templates' bash -c 'g++ -std=c++20 -O2 -g -c ../large.cc -frandom-seed=1 -fdebug-prefix-map=$PWD=. -o large.o && sha256sum <large.o && g++ -o large large.o && ./large'
for i in $(seq 3000); do
  echo "struct s$i { int a[$((i % 50 + 1))]; double d; }; static int f$i(struct s$i* p, int x) { for (int i = 0; i < $((i % 50 + 1)); i++) p->a[i] += x * $i + i; return p->a[0]; }"
done >large.c
{
  echo 'int main(void) { long sum = 0;'
  for i in $(seq 3000); do echo "{ struct s$i v = {{$i}, 1.5}; sum += f$i(&v, $i); }"; done
  echo 'return sum % 251 > 255; }'
} >>large.c
both 'gcc -O2: a file of many functions' bash -c 'gcc -O2 -g -c ../large.c -frandom-seed=1 -fdebug-prefix-map=$PWD=. -o large.o && sha256sum <large.o && gcc -o large large.o && ./large'

# ---- a service ----

cat >redis.sh <<'S'
redis-server --port 0 --unixsocket "$PWD/socket" --save '' --appendonly no --enable-debug-command yes --io-threads 2 >log 2>&1 &
server=$!
trap 'kill -9 $server 2>/dev/null' EXIT
ask() { redis-cli -s "$PWD/socket" "$@"; }
until [[ $(ask ping 2>/dev/null) == PONG ]]; do kill -0 $server || exit 1; sleep 0.05; done
if [[ -n $LD_PRELOAD ]]; then grep -q "$(realpath "$LD_PRELOAD")" "/proc/$server/maps" || { echo "not preloaded"; exit 1; }; fi
redis-benchmark -s "$PWD/socket" -q -n 40000 -c 20 -r 20000 -d 100 -t set,get,incr,lpush,rpop,sadd,hset,zadd,mset >/dev/null || exit 1
ask flushall
ask debug populate 200000 key 150
for i in $(seq 0 3 3000); do echo "del key:$i"; done | ask | sort | uniq -c
ask bgsave >/dev/null
for i in $(seq 3001 7 9000); do echo "append key:$i $(printf 'x%.0s' $(seq 200))"; done | ask >/dev/null
until [[ $(ask info persistence | tr -d '\r' | grep rdb_bgsave_in_progress) == *:0 ]]; do sleep 0.05; done
ask info persistence | tr -d '\r' | grep rdb_last_bgsave_status
ask dbsize
ask debug digest
ask debug reload && ask debug digest
ask memory purge
ask shutdown nosave; wait $server; trap - EXIT; echo "server $?"
S
both 'redis-server under redis-benchmark, bgsave and reload' bash ../redis.sh

printf '\n%d of %d pass\n' "$passed" $((passed + ${#failed[@]}))
((${#failed[@]} == 0)) || fail "not as under glibc: $(printf '\n  %s' "${failed[@]}")"
