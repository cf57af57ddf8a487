# The library and the archive compile for aarch64 without a warning and need what they need here;
# where qemu can run them, a program is on them, on pages of 4 KiB and of 64.
. "$(dirname "$0")/../../scenario.sh"
needs cmake ninja aarch64-linux-gnu-gcc aarch64-linux-gnu-g++
[[ -e $BUILD/lib/libstrata-malloc.so ]] || skip 'this build has no library'

# It stays, so that the next time has less to do.
tree=$BUILD/aarch64
cmake -S "$ROOT" -B "$tree" -G Ninja -DSTRATA_MALLOC_ALONE=ON -DCMAKE_BUILD_TYPE=RelWithDebInfo \
  -DCMAKE_CXX_FLAGS=-Werror -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_C_COMPILER=aarch64-linux-gnu-gcc -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
  -DCMAKE_CXX_COMPILER_LAUNCHER="$(type -P ccache || true)" >configured 2>&1 ||
  fail "cmake: $(tail -n 5 configured)"
cmake --build "$tree" -j 1 >built 2>&1 || fail "it does not compile: $(grep -m 5 -A 5 FAILED built)"
library=$tree/lib/libstrata-malloc.so
equals "$(readelf -h "$library" | sed -n 's/ *Machine: *//p')" AArch64 'what it is built for'

# The loader's name differs, and the atomic operations that the compiler chooses at run time.
needs_of() {
  nm -D --undefined-only "$1" | awk '{ print $2 }' | sed 's/@.*//' |
    grep -vE '^(_ITM_|__gmon_start__|__cxa_finalize|__stack_chk|__getauxval)' | sort
}
needs_of "$library" >there
needs_of "$BUILD/lib/libstrata-malloc.so" >here
diff here there || fail 'it needs other things there'
# Another model of thread-local storage would allocate, by malloc.
! readelf -rW "$library" | grep -E 'TLSDESC|DTPMOD' || fail 'its thread-local storage is of the wrong model'

type -P qemu-aarch64 >/dev/null || { echo 'it was not run: there is no qemu-aarch64'; exit 0; }
cat >small.c <<'C'
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
static void* allocate(void* unused) {
  for (size_t size = 1; size < 100000; size += size / 8 + 1) free(memset(malloc(size), 1, size));
  return unused;
}
int main(void) {
  allocate(NULL);
  pthread_t thread;
  if (pthread_create(&thread, NULL, allocate, NULL) != 0) return 1;
  pthread_join(thread, NULL);
  malloc_trim(0);
  return malloc_info(0, stdout);
}
C
aarch64-linux-gnu-gcc -O1 -fno-builtin -pthread -w -o small small.c
aarch64-linux-gnu-gcc -O1 -fno-builtin -pthread -w -static -o whole small.c \
  -Wl,--undefined=malloc "$tree/lib/libstrata-malloc.a"
# -R: the least address space that such kernels give; more costs qemu memory of its own.
emulated() { run qemu-aarch64 -R 0x8000000000 -L /usr/aarch64-linux-gnu "$@"; }
for page in 4096 65536; do
  emulated -p "$page" -E LD_PRELOAD="$library" ./small
  exits_with 0
  says '<total type="live"'
done
emulated ./whole
exits_with 0
says '<total type="live"'
