# Where a C library's arena fits no layout that is known, `heap` and `leaks` say so, with how far what
# must hold does hold, and give no figures; `explain` notes it and shows the rest. So where a core has
# nothing of the C library's data. A malloc that nobody called is not in use, as ever.
. "$(dirname "$0")/../scenario.sh"
needs gcore

# Without libstdc++, which calls malloc() as it starts.
program -Wl,--as-needed <<'END'
#include <malloc.h>
#include <stdlib.h>

#include "specimen.h"

// Of one arena alone, whose bins are empty but for the first: what is freed leads there.
int main(int, char** arguments) {
  if (arguments[1] == nullptr) {
    void* const freed = malloc(3000);
    void* volatile behind = malloc(100);
    if (freed == nullptr || behind == nullptr) return 2;
    uintptr_t* volatile* const first = static_cast<uintptr_t* volatile*>(freed);
    free(freed);
    uintptr_t* const links = *first + 2;
    for (int i = 0; i < 2 * 127; ++i) links[i] += 32;
  }
  ready();
  // exit() would free.
  _exit(0);
}
END
specimen ./program
for command in heap leaks; do
  run strata "$command" "$target"
  exits_with 2
  error_says "glibc's malloc in libc"
  error_says 'fits none of the layouts that are known'
  error_says '0 of 127 bins link back to themselves'
  error_says 'lead 32 bytes behind where they must, the ring of arenas closes'
  error_says 'nothing is told of its heap'
  error_never_says 'no malloc'
  [[ ! -s stdout ]] || fail 'there are figures'
done
run strata explain --json "$target"
exits_with 0
json 'any(.notes[]; .text | contains("fits none of the layouts that are known"))' >/dev/null
end_specimen

specimen ./program unused
for command in heap leaks; do
  run strata "$command" "$target"
  exits_with 2
  error_says "no malloc of glibc's is in use"
done
run strata explain --json "$target"
json 'all(.notes[]; .text | contains("malloc in") | not)' >/dev/null
end_specimen

specimen threads
# Of what is private and written nothing.
echo 0 >"/proc/$target/coredump_filter"
run gcore -o core "$target"
[[ -s core.$target ]] || skip 'gcore made no core here'
for command in heap leaks; do
  run strata "$command" "./core.$target"
  exits_with 2
  error_says "the C library's data is not in the file"
done
