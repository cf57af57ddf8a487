# redis-server with a million keys adds up, and less than 1 % of it is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
needs redis-server redis-cli

redis-server --port 0 --unixsocket "$PWD/socket" --save '' --appendonly no --enable-debug-command yes \
  >log 2>&1 &
server=$!
ask() { redis-cli -s "$PWD/socket" "$@"; }
eventually ask ping >/dev/null 2>&1
ask debug populate 1000000 >/dev/null
equals "$(ask dbsize)" 1000000 keys
holds_up "$server" redis-server
