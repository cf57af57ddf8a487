# A library's file that is cut, emptied, replaced or lies about itself while a process has it
# mapped: its sections are unknown, with the reason; the sum stays the kernel's.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/faults.sh"
[[ $(uname -m) == x86_64 ]] || skip 'writes ELF headers of 64 bits, little-endian'

# The library's data and functions stay untouched: a mapping beyond its file's end is SIGBUS.
echo 'int library_value[3000] = {1}; int library_function() { return library_value[0]; }' >library.c
"${CC:-cc}" -g -shared -fPIC -o whole.so library.c || fail 'the library does not compile'
program -ldl <<'END'
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>

#include "specimen.h"

int main(int, char** arguments) {
  void* const library = dlopen(arguments[1], RTLD_NOW);
  if (library == nullptr) {
    std::puts(dlerror());
    return 1;
  }
  std::printf("value=%p\n", dlsym(library, "library_value"));
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) continue;
  std::_Exit(0);
}
END

section_headers=$(od -An -t u8 -j 40 -N 8 whole.so | tr -d ' ')
size=$(stat -c %s whole.so)
round=0
# lies WHAT TEXT COMMAND…   COMMAND changes the file $file after it was mapped
lies() {
  local what=$1 text=$2
  shift 2
  file=$PWD/library-$((++round)).so
  cp whole.so "$file"
  specimen ./program "$file"
  "$@"
  fault "$what: explain" '0 3' '' explain --json "$target"
  fault "$what: explain --freeze" 0 "$text" explain --freeze --freeze-limit 10s --json --all "$target"
  equals "$(json .reconciliation.remainder_bytes)" 0 "$what: the remainder"
  fault "$what: map" '0 3' '' map "$target"
  fault "$what: page" '0 2 3' '' page "$target" "$(stated value)"
  end_specimen
}
all_ones='ff ff ff ff ff ff ff ff'
lies 'whole' '' true
lies 'cut to 100 bytes' '' truncate -s 100 library-2.so
lies 'emptied' '' truncate -s 0 library-3.so
lies 'unlinked' '' rm library-4.so
lies 'replaced by another' '' cp --remove-destination "$STRATA" library-5.so
lies 'replaced by a FIFO' '' eval 'rm library-6.so; mkfifo library-6.so'
lies 'replaced by a directory' '' eval 'rm library-7.so; mkdir library-7.so'
lies 'magic overwritten' '' put library-8.so 0 00 00 00 00
lies 'section headers beyond the end' '' put library-9.so 40 ff ff ff ff ff ff ff 7f
lies 'section headers at -1' '' put library-10.so 40 $all_ones
lies '65535 section headers' '' put library-11.so 60 ff ff
lies 'section headers of 0 bytes each' '' put library-12.so 58 00 00
lies 'section names in section 65535' '' put library-13.so 62 ff ff
lies '65535 program headers' '' put library-14.so 56 ff ff
lies 'program headers at -1' '' put library-15.so 32 $all_ones
every_section_is_huge() {
  local at
  for ((at = section_headers; at + 64 <= size; at += 64)); do put library-16.so $((at + 32)) $all_ones; done
}
lies 'every section of 2^64-1 bytes' '' every_section_is_huge
every_section_is_everywhere() {
  local at
  for ((at = section_headers; at + 64 <= size; at += 64)); do
    put library-17.so $((at + 16)) 00 00 00 00 00 00 00 00
    put library-17.so $((at + 32)) ff ff ff 7f 00 00 00 00
  done
}
lies 'every section over the whole module' '' every_section_is_everywhere
lies 'noise from end to end' '' eval 'head -c 16384 "$STRATA" | dd of=library-18.so conv=notrunc status=none bs=16384 seek=0'
