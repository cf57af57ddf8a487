# A zombie, a kernel thread, a PID and a name that nobody has: said what, why, and what to do.
. "$(dirname "$0")/../scenario.sh"

refused() {  # TARGET TEXT…
  for command in explain map page; do
    run strata $command "$1" $([[ $command != page ]] || echo 0x1000)
    exits_with 2
    [[ ! -s stdout ]] || fail 'something is on stdout'
    for text in "${@:2}"; do error_says "$text"; done
  done
}
specimen zombie
refused "$(stated zombie)" 'error: ' 'has ended and waits for its parent' 'zombie'
refused 4194305 'there is no process 4194305' 'help: ' 'pgrep'
refused no-such-name-of-any 'no process is called no-such-name-of-any' 'help: ' 'pgrep'
kernel_thread=$(awk '$1 == "Kthread:" && $2 == 1 { split(FILENAME, p, "/"); print p[3]; exit }' \
  /proc/[0-9]*/status 2>/dev/null || true)
[[ -z $kernel_thread ]] || refused "$kernel_thread" 'is a kernel thread'
