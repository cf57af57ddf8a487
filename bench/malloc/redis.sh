# redis.sh MEASURED... -- LOAD...: redis-server under the command MEASURED, loaded by redis-benchmark on
# the loopback with the arguments LOAD, which are what it prints. No configuration of the host is read.
set -uo pipefail
measured=()
while (($#)) && [[ $1 != -- ]]; do measured+=("$1") && shift; done
shift

server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null' EXIT
# A port may be taken: the server says so and ends, and another is tried.
for ((tries = 0; tries < 20; ++tries)); do
  port=$((20000 + RANDOM % 10000))
  # What the last one said is not this one's: a load that comes before its server never ends.
  rm -f server.log
  "${measured[@]}" redis-server --bind 127.0.0.1 --port "$port" --save '' --dir "$PWD" >server.log 2>&1 &
  server=$!
  for ((waits = 0; waits < 100; ++waits)); do
    grep -qs 'Ready to accept' server.log && break 2
    kill -0 "$server" 2>/dev/null || break
    sleep 0.05
  done
  kill "$server" 2>/dev/null
  wait "$server"
done
((tries < 20)) || { cat server.log >&2; exit 1; }

client=(redis-cli -h 127.0.0.1 -p "$port")
"${client[@]}" flushall >/dev/null
redis-benchmark -h 127.0.0.1 -p "$port" "$@" | tr '\r' '\n'
"${client[@]}" flushall >/dev/null
"${client[@]}" shutdown nosave
wait "$server"
status=$?
server=
exit "$status"
