# A program that runs with more rights than its caller has is linked with the library (a preload is
# refused to it anyway), and what the caller writes into the environment is not even looked at.
. "$(dirname "$0")/../../scenario.sh"
. "$ROOT/tests/malloc/malloc.sh"
needs_root
needs setpriv
[[ -n $library ]] || { echo 'libc has its own test of this'; exit 0; }

# What each library complains of where it does look; jemalloc stands for a library that we know.
case ${library##*/} in
  *jemalloc*) variable=MALLOC_CONF complaint='Malformed conf' ;;
  *) variable=STRATA_MALLOC complaint='no-such-option' ;;
esac

compiled plain "$library" -Wl,--no-as-needed -Wl,-rpath,"$PWD/lib" <<'C'
#define EXPECT_ANY_ALLOCATOR
#include "life/churn.h"
int main(void) {
  churn(1, 1000);
  printf("user %d, really %d, malloc of %s\n", geteuid(), getuid(), file_of("malloc"));
}
C
# Others have to reach it.
mkdir lib
cp "$library" lib/
cp plain setuid
chmod 711 "$work" .
chmod 4755 setuid
findmnt -no OPTIONS -T . | grep -q nosuid && skip 'the kernel allows no setuid programs on this file system'

as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups env "$variable=no-such-option:1" "$@"; }
run as_nobody ./plain
exits_with 0
says 'user 65534, really 65534'
says "${library##*/}"
error_says "$complaint"

run as_nobody ./setuid
exits_with 0
says 'user 0, really 65534'
says "${library##*/}"
equals "$(<stderr)" '' 'what the environment caused'
