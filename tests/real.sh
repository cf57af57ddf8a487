# tests/real.sh - words for the scenarios of real programs, tests/long/real-*.sh.
#
#   holds_up PID NAME   explain --freeze of it adds up to the byte and leaves less than 1 % of it
#                       unexplained; map's totals are VmSize and VmRSS

. "$ROOT/tests/ledger.sh"
patience=300
time_limit=300

holds_up() {
  local subject=$1 all unexplained
  local freeze_limit=60s moving=1  # it goes on as soon as it is let go
  explained
  all=$(json .resident_bytes) unexplained=$(booked unexplained)
  printf '%s: %d MiB resident, %d KiB (%d.%d %%) unexplained\n' "$2" $((all >> 20)) \
    $((unexplained >> 10)) $((unexplained * 100 / all)) $((unexplained * 1000 / all % 10))
  holds "$unexplained * 100 < $all" "$2: unexplained bytes of $all"
  mapped
}
