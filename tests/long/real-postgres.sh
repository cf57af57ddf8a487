# Each process of postgres, on a cluster and a socket of its own, adds up, and less than 1 % is
# unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
needs_root
needs setpriv
bin=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1) || true
[[ -n $bin && -x $bin/postgres ]] || bin=$(dirname "$(command -v initdb || echo /none/none)")
[[ -x $bin/initdb && -x $bin/postgres && -x $bin/psql ]] || skip 'needs postgres'

chmod 711 "$work"
chmod 777 "$PWD"
as_nobody() { setpriv --reuid nobody --regid nogroup --clear-groups env HOME="$PWD" "$@"; }
as_nobody "$bin/initdb" -D "$PWD/cluster" --no-sync >log 2>&1 || skip "initdb: $(tail -n 1 log)"
# Not by the function: its subshell would be $!.
setpriv --reuid nobody --regid nogroup --clear-groups "$bin/postgres" -D "$PWD/cluster" -k "$PWD" -c listen_addresses= >>log 2>&1 &
postmaster=$!
sql() { as_nobody "$bin/psql" -h "$PWD" -d postgres -qAt "$@"; }
eventually sql -c 'select 1' >/dev/null 2>&1
mkfifo statements
sql <statements >answers 2>&1 &
exec {say}>statements
echo "create table t as select generate_series(1, 500000) as i, repeat('x', 50) as text;
  select count(*) from t;" >&"$say"
eventually grep -q 500000 answers
for pid in "$postmaster" $(pgrep -P "$postmaster"); do
  holds_up "$pid" "$(tr '\0' ' ' <"/proc/$pid/cmdline")"
done
