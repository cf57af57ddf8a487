# python3 with its extension modules, bash and each process of postgres are looked through in
# bounded time; they lose next to nothing: none is said to lose more than 1 % of its heap.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"
patience=300
time_limit=300
freeze_limit=60s

loses_little() {
  local target=$1
  leaks_of
  printf '%s: %s\n' "$2" "$(json -c .totals)"
  json '.target.frozen' >/dev/null
  json '.totals | (.direct_bytes + .indirect_bytes) * 100 <= .live_bytes' >/dev/null
}

looked=0
python=/usr/bin/python3  # the distribution's
if [[ -x $python ]]; then
  for kind in pymalloc malloc; do
    PYTHONMALLOC=$kind $python -c 'import ctypes, decimal, json, sqlite3, ssl, time
held = sqlite3.connect(":memory:")
open("ready", "w").close()
time.sleep(3600)' &
    eventually test -e ready
    loses_little $! "python3, $kind"
    rm ready
    kill $!
    ((++looked))
  done
fi

mkfifo wait
bash -c 'declare -A held; for i in {1..3000}; do held[$i]=$i$i; done; echo >ready; read -r <>wait' &
eventually test -e ready
loses_little $! bash

bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1) || true
[[ -n $bin && -x $bin/postgres ]] || bin=$(dirname "$(command -v initdb || echo /none/none)")
if ((EUID == 0)) && [[ -x $bin/initdb && -x $bin/postgres && -x $bin/psql ]]; then
  chmod 711 "$work"
  chmod 777 "$PWD"
  as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$PWD" "$@"; }
  as_nobody "$bin/initdb" -D "$PWD/cluster" --no-sync >log 2>&1 || skip "initdb: $(tail -n 1 log)"
  # Not by the function: its subshell would be $!.
  setpriv --reuid nobody --regid nogroup --clear-groups \
    "$bin/postgres" -D "$PWD/cluster" -k "$PWD" -c listen_addresses= >>log 2>&1 &
  postmaster=$!
  sql() { as_nobody "$bin/psql" -h "$PWD" -d postgres -qAt "$@"; }
  eventually sql -c 'select 1' >/dev/null 2>&1
  mkfifo statements
  sql <statements >answers 2>&1 &
  exec {say}>statements
  echo "create table t as select generate_series(1, 100000) as i, repeat('x', 50) as text;
    select count(*) from t;" >&"$say"
  eventually grep -q 100000 answers
  for pid in "$postmaster" $(pgrep -P "$postmaster"); do
    loses_little "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
    ((++looked))
  done
fi
((looked > 0)) || skip 'needs /usr/bin/python3 or postgres'
