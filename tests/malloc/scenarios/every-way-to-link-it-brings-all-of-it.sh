# -lstrata-malloc, the archive in a program with shared libraries, and in one without any: all of
# malloc's family is the library's, new throws, and strata heap reads the heap, also where symbols
# and whatever nobody refers to are gone.
. "$(dirname "$0")/../../scenario.sh"
. "$ROOT/tests/ledger.sh"
[[ -e $BUILD/lib/libstrata-malloc.a ]] || skip 'there is no archive in this build'
strata_malloc=$BUILD/lib/libstrata-malloc.so
. "$ROOT/tests/strata-heap.sh"

source=$ROOT/tests/malloc/linked/program.cc
flags=(-O1 -g -fno-builtin -pthread -D_GNU_SOURCE -w -I "$ROOT/specimens")
small=(-s -Wl,--gc-sections)

# linked NAME FLAG…, as C and as C++
linked() {
  local name=$1 language compiler
  shift
  for language in c c++; do
    compiler=("${CC:-cc}" -std=gnu11)
    [[ $language == c ]] || compiler=("${CXX:-c++}" -std=c++20)
    "${compiler[@]}" "${flags[@]}" -x "$language" "$source" -x none -o "$name-$language" "$@" ||
      fail "$name cannot be linked, as $language"
    read_from_outside "./$name-$language"
  done
}

read_from_outside() {
  specimen "$1"
  strata_heap_of
  equals "$(json '[.classes[] | select(.block_bytes == $size)][0].live_blocks' \
    --argjson size "$(stated usable)")" "$(stated live)" "$1: live blocks"
  explained
  holds "$(booked 'heap / strata') >= $(stated written)" "$1: its heap"
  # A static program's first thread-local storage is no allocator's.
  equals "$(booked heap)" "$(("$(booked 'heap / strata')" + "$(booked 'heap / brk area')"))" \
    "$1: what all allocators have"
  end_specimen
}

linked shared -L "$BUILD/lib" -lstrata-malloc -Wl,-rpath,"$BUILD/lib"
needed=$(readelf -dW shared-c | sed -nE 's/.*NEEDED.*\[(libstrata.*)\]/\1/p')
equals "$needed" "$(readelf -dW "$strata_malloc" | sed -nE 's/.*SONAME.*\[(.*)\]/\1/p')" 'what is needed'
linked archive "$BUILD/lib/libstrata-malloc.a"
linked archive-small "$BUILD/lib/libstrata-malloc.a" "${small[@]}"
! readelf -dW archive-c | grep -q libstrata || fail 'with the archive, the library is needed too'
for static in -static -static-pie; do
  linked "all$static" $static -L "$BUILD/lib" -lstrata-malloc "${small[@]}"
done
