# A library whose thread-local variables need no alignment has them at any byte (libcom_err and
# libp11-kit do, and so curl): what else the thread keeps there is found all the same.
. "$(dirname "$0")/../scenario.sh"

cat >odd.c <<'END'
static _Thread_local char odd;
char* odd_buffer(void) { return &odd; }
END
cat >outer.c <<'END'
char* odd_buffer(void);
char* outer_buffer(void) { return odd_buffer(); }
END
"$CC" -shared -fPIC -O1 -o libodd.so odd.c
"$CC" -shared -fPIC -O1 -o libouter.so outer.c -L. -lodd -Wl,-rpath,"$PWD"
cat >program.c <<'END'
#include "specimen.h"
char* outer_buffer(void);
static _Thread_local void* volatile held;  // by thread-local storage alone
int main(void) {
  outer_buffer()[0] = 1;
  void* volatile blocks[5];
  for (int i = 0; i < 5; ++i) must((blocks[i] = malloc(56)) != NULL);
  for (int i = 0; i < 5; ++i) {
    free(blocks[i]);
    blocks[i] = NULL;
  }
  must((held = malloc(200)) != NULL);
  volatile char wipe[65536];  // what was in hand on the stack
  for (size_t i = 0; i < sizeof wipe; ++i) wipe[i] = 0;
  state("odd", (uint64_t)outer_buffer() % 8);
  ready();
}
END
"$CC" -std=gnu17 -O1 -I"$ROOT/specimens" -o program program.c -L. -louter -lodd -Wl,-rpath,"$PWD"
specimen ./program
holds "$(stated odd) != 0" 'where the variable begins'
run strata heap --json --freeze "$target"
exits_with 0
holds "$(json '.tcache.chunks') >= 5" 'chunks in caches'
run strata leaks "$target"
exits_with 0
