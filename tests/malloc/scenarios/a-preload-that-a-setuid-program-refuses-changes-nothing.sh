# The dynamic loader ignores LD_PRELOAD of what is setuid, and such a program works on libc's malloc.
. "$(dirname "$0")/../../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
needs_root
needs setpriv

compiled program <<'C'
#define EXPECT_ANY_ALLOCATOR
#include "life/churn.h"
int main(void) {
  churn(1, 1000);
  printf("user %d, malloc of %s\n", geteuid(), file_of("malloc"));
}
C
chmod 711 "$work" .
chmod 4755 program
findmnt -no OPTIONS -T . | grep -q nosuid && skip 'the kernel allows no setuid programs on this file system'
preloaded run setpriv --reuid 65534 --regid 65534 --clear-groups ./program
exits_with 0
says 'user 0, malloc of'
says 'libc.so'
