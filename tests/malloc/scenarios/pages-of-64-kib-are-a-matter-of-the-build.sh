# Built for kernels with pages of 64 KiB, as it is for aarch64 unless told otherwise, the library
# keeps its promises, and strata reads it on a machine with smaller ones.
. "$(dirname "$0")/../../scenario.sh"
. "$ROOT/tests/ledger.sh"
needs cmake ninja
strata_malloc=$BUILD/lib/libstrata-malloc.so
. "$ROOT/tests/strata-heap.sh"

tree=$BUILD/pages-of-64-kib
cmake -S "$ROOT" -B "$tree" -G Ninja -DSTRATA_MALLOC_ALONE=ON -DSTRATA_MALLOC_PAGE_KIB=64 \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER="${CC:-cc}" -DCMAKE_CXX_COMPILER="${CXX:-c++}" \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(type -P ccache || true)" >configured 2>&1 ||
  fail "cmake: $(tail -n 5 configured)"
cmake --build "$tree" -j 1 --target strata-malloc >built 2>&1 ||
  fail "it does not compile: $(grep -m 5 -A 5 FAILED built)"
strata_malloc=$tree/lib/libstrata-malloc.so

on_strata_malloc strata-heap
strata_heap_of
strata_heap_agrees
heap_resident=$(json .totals.resident_bytes)
explained
equals "$(booked 'heap / strata')" "$heap_resident" 'the heap, in explain'
end_specimen

export STRATA_MALLOC_LIB=$strata_malloc
ran_any=0
for program in "$BUILD"/bin/tests/malloc/api/*; do
  [[ -x $program ]] || continue
  run bash "$ROOT/tests/malloc/run.sh" "$program"
  exits_with 0
  ran_any=1
done
((ran_any)) || fail 'no program of tests/malloc/api is built'
run bash "$ROOT/tests/malloc/run.sh" "$BUILD/bin/tests/malloc/model" --seed 6 --operations 20000 --threads 2
exits_with 0
