# The malloc's black-box tests of what each function promises, and of threads, as programs of aarch64
# under qemu, on pages of 64 KiB as its kernels may have; and what the library says where pages are
# larger than it was built for.
. "$(dirname "$0")/../scenario.sh"
needs cmake ninja aarch64-linux-gnu-gcc aarch64-linux-gnu-g++ qemu-aarch64

# What cannot be so here.
declare -A not_here=(
  [malloc-trim-gives-memory-back]='on each page of 64 KiB one of its blocks lives'
  [realloc-keeps-what-was-in-it]='qemu 7.2 takes MREMAP_DONTUNMAP for a move that unmaps'
  [an-alignment-asked-for-is-kept]='qemu 7.2 takes MREMAP_DONTUNMAP for a move that unmaps')
# Of life/, what neither forks, which qemu does not bear in a process with threads, nor sets limits,
# which are qemu's own, nor starts threads by the thousand, nor has stacks smaller than they may be.
life=(a-threads-blocks-outlive-it allocation-works-before-constructors-and-after-destructors
  destructors-of-thread-local-storage-allocate two-hundred-threads-at-once-all-allocate
  a-cancelled-thread-leaves-the-heap-whole)

build() {
  cmake -S "$ROOT" -B "$1" -G Ninja -DSTRATA_MALLOC_ALONE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
    -DCMAKE_CXX_FLAGS=-Werror -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
    -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
    -DCMAKE_CXX_COMPILER_LAUNCHER="$(type -P ccache || true)" "${@:2}" >built 2>&1 &&
    cmake --build "$1" --target strata-malloc >built 2>&1 || fail "it does not compile: $(tail -n 20 built)"
}
# on LIBRARY FLAG… PROGRAM
on() {
  run timeout 600 qemu-aarch64 -R 0x8000000000 -L /usr/aarch64-linux-gnu \
    -E LD_PRELOAD="$1" -E STRATA_MALLOC_LIB="$1" "${@:2}"
}

build "$BUILD/aarch64"
library=$BUILD/aarch64/lib/libstrata-malloc.so
export STRATA_MALLOC_LIB=$library
ran_well=0 bad=()
for source in "$ROOT"/tests/malloc/api/*.c* "${life[@]/#/$ROOT/tests/malloc/life/}"; do
  [[ -e $source ]] || source=$(echo "$source".c*)
  name=${source##*/} name=${name%.*}
  if [[ -v not_here[$name] ]]; then
    echo "$name: not run, ${not_here[$name]}"
    continue
  fi
  compiler=(aarch64-linux-gnu-gcc -std=gnu11)
  [[ $source != *.cc ]] || compiler=(aarch64-linux-gnu-g++ -std=c++20)
  read -r -a flags < <(sed -n 's,^// Flags  *,,p' "$source"; echo)
  "${compiler[@]}" -O1 -fno-builtin -w -pthread -D_GNU_SOURCE -I "$ROOT/malloc/include" \
    -o program "$source" "${flags[@]}" || fail "$name does not compile"
  on "$library" -p 65536 ./program
  case $exit_code in
    0) ran_well=$((ran_well + 1)); echo "$name: ran" ;;
    77) echo "$name: skipped, $(tail -n 1 stdout)" ;;
    *) bad+=("$name: $exit_code, $(tail -n 1 stderr)"); echo "${bad[-1]}" ;;
  esac
done
((${#bad[@]} == 0)) || fail "${#bad[@]} tests fail on aarch64"
holds "$ran_well >= 15" 'tests that ran'
echo "$ran_well tests ran"

# Built for less than the kernel has: said, and nothing else.
build "$BUILD/aarch64-pages-of-4-kib" -DSTRATA_MALLOC_PAGE_KIB=4
printf '#include <stdlib.h>\nint main(void) { return malloc(100) == NULL; }\n' >small.c
aarch64-linux-gnu-gcc -fno-builtin -o small small.c
on "$BUILD/aarch64-pages-of-4-kib/lib/libstrata-malloc.so" ./small
exits_with 0
on "$BUILD/aarch64-pages-of-4-kib/lib/libstrata-malloc.so" -p 65536 ./small
holds "$exit_code == 134" 'it ends by abort()'
error_says "this kernel's pages are larger than the library is built for"
