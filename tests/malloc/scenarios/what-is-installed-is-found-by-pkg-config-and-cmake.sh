# An installed tree, moved elsewhere, serves programs by pkg-config and by find_package, shared and
# static; such that call no malloc themselves too. Its strata runs programs on its library.
. "$(dirname "$0")/../../scenario.sh"
[[ -e $BUILD/lib/libstrata-malloc.a && -x $STRATA ]] || skip 'this build has no libraries to install'
needs cmake pkg-config

cmake --install "$BUILD" --prefix "$PWD/first" >installed || fail 'it cannot be installed'
mv first tree
libraries=$(dirname "$(find tree -name 'libstrata-malloc.so')")

# The library that it has is told by malloc_info(), to which a weak reference brings none.
cat >consumer.c <<'C'
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#if __has_include(<strata/malloc.h>)
#include <strata/malloc.h>
#endif
__attribute__((weak)) int malloc_info(int options, FILE* stream);
int main(int count, char** words) {
  puts(strdup(words[count - 1]));
  return malloc_info == NULL || malloc_info(0, stdout);
}
C

consumes() {
  run "$@" consumed
  exits_with 0
  says consumed
  says '<total type="live"'
}
maps_of() { LD_TRACE_LOADED_OBJECTS=1 "$1"; }

export PKG_CONFIG_PATH=$PWD/$libraries/pkgconfig PKG_CONFIG_SYSTEM_LIBRARY_PATH=/none
by_pkg_config() {
  local output=$1 flags
  shift
  read -r -a flags <<<"$(pkg-config "$@" --cflags --libs strata-malloc)"
  "${CC:-cc}" -o "$output" consumer.c "${flags[@]}" -Wl,--as-needed "${more[@]}" ||
    fail "$output cannot be linked"
}
more=()
by_pkg_config shared
export LD_LIBRARY_PATH=$PWD/$libraries
consumes ./shared
maps_of ./shared >maps
grep -q "$libraries/libstrata-malloc.so" maps || fail "it does not load the library: $(<maps)"
unset LD_LIBRARY_PATH
more=(-static)
by_pkg_config static --static
consumes ./static

mkdir package
cp consumer.c package/
cat >package/CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.20)
project(consumer LANGUAGES C)
find_package(strata-malloc 0.1 REQUIRED)
add_executable(shared consumer.c)
target_link_libraries(shared PRIVATE strata::malloc)
target_link_options(shared PRIVATE -Wl,--as-needed)
add_executable(static consumer.c)
target_link_libraries(static PRIVATE strata::malloc-static)
add_executable(whole consumer.c)
target_link_libraries(whole PRIVATE strata::malloc-static)
target_link_options(whole PRIVATE -static)
CMAKE
cmake -S package -B built -DCMAKE_PREFIX_PATH="$PWD/tree" -DCMAKE_C_COMPILER="${CC:-cc}" \
  >configured 2>&1 || fail "find_package: $(tail -n 5 configured)"
cmake --build built >built.said 2>&1 || fail "cmake: $(tail -n 20 built.said)"
for program in shared static whole; do consumes built/$program; done

# As it was installed, without anything that names the library.
run env -u STRATA_MALLOC_LIB tree/bin/strata run -- built/static consumed
exits_with 0
run env -u STRATA_MALLOC_LIB tree/bin/strata run -- cat /proc/self/maps
exits_with 0
says "$(realpath "$libraries")/libstrata-malloc.so"
