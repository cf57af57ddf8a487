# Another's tracee is explained as it runs; --freeze says who holds it and what to do.
. "$(dirname "$0")/../scenario.sh"

specimen traced
run strata explain --json "$(stated traced)"
exits_with 0
json '.reconciliation.remainder_bytes == 0' >/dev/null
for command in explain map; do
  run strata $command --freeze "$(stated traced)"
  exits_with 2
  equals "$(<stdout)" '' 'stdout'
  error_says "is traced by process $(stated tracer) (traced)"
  error_says 'help: '
done
