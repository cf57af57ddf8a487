# nginx, master and workers, adds up, and less than 1 % of it is unexplained.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/real.sh"
PATH=$PATH:/usr/sbin
needs nginx

cat >nginx.conf <<CONF
daemon off; pid $PWD/pid; error_log stderr; worker_processes 2;
events {}
http { access_log off; client_body_temp_path $PWD; proxy_temp_path $PWD; fastcgi_temp_path $PWD;
  uwsgi_temp_path $PWD; scgi_temp_path $PWD; server { listen unix:$PWD/socket; } }
CONF
nginx -p "$PWD" -c "$PWD/nginx.conf" -e stderr >log 2>&1 &
master=$!
two_workers() { (($(pgrep -cP "$master") == 2)); }
eventually two_workers
at_exit kill $(pgrep -P "$master")  # they outlive a master that is killed
for pid in "$master" $(pgrep -P "$master"); do holds_up "$pid" "nginx $pid"; done
