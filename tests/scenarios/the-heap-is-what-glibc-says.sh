# Every chunk is walked: what is live, free, binned and fast is, to the byte, what mallinfo2(3) says
# in the program itself, and nothing is found damaged.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/ledger.sh"
. "$ROOT/tests/heap.sh"

for name in heap-bins heap-arenas heap-thresholds heap-aligned heap-trim heap-retained \
  heap-many; do
  specimen "$name"
  heap_of
  glibc_agrees
  equals "$(json '.damage | length')" 0 "$name: damage"
  end_specimen
done
