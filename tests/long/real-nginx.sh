# nginx, master and workers, adds up, and less than 1 % of it is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
PATH=$PATH:/usr/sbin
needs_root
needs nginx unshare pgrep

cat >nginx.conf <<CONF
daemon off; pid $PWD/pid; error_log stderr; worker_processes 2;
events {}
http { access_log off; client_body_temp_path $PWD; proxy_temp_path $PWD; fastcgi_temp_path $PWD;
  uwsgi_temp_path $PWD; scgi_temp_path $PWD; server { listen unix:$PWD/socket; } }
CONF
# Its workers outlive a master that is killed; in a PID namespace they end with it.
unshare --pid --fork --kill-child nginx -p "$PWD" -c "$PWD/nginx.conf" -e stderr >log 2>&1 &
namespace=$!
two_workers() {
  # pgrep fails where there is none yet.
  master=$(pgrep -P "$namespace") && [[ $(pgrep -cP "$master" || true) == 2 ]]
}
eventually two_workers
for pid in "$master" $(pgrep -P "$master"); do holds_up "$pid" "nginx $pid"; done
