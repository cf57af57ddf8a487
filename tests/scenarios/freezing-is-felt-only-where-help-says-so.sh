# epoll_wait, semop and recv with a timeout may return EINTR when a target is frozen, as help says;
# nanosleep, poll and sem_timedwait go on, and without --freeze nothing is felt at all.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"

felt() { for call in "$@"; do stated "$call.interrupted"; done | awk "{ sum += \$1 } END { print sum }"; }

specimen waits
run strata explain "$target"
run strata map "$target"
next_stage
equals "$(felt epoll_wait semop recv nanosleep poll sem_timedwait)" 0 'without --freeze'
explained
next_stage
equals "$(felt nanosleep poll sem_timedwait)" 0 'calls that go on'
if (($(felt epoll_wait semop recv) > 0)); then
  run bash -c '"$0" help explain | tr -s "[:space:]" " "' "$STRATA"
  says 'epoll_wait, semop or recv with a timeout may see that call return EINTR'
fi
