# The kernel leaves shared file mappings and what is under MADV_DONTDUMP out of a core. Leaks are found
# all the same; roots that are not there are passed over.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"
[[ $(cat /proc/sys/kernel/core_pattern) == core ]] ||
  skip "the kernel writes cores elsewhere: $(cat /proc/sys/kernel/core_pattern)"

program <<'END'
#include <fcntl.h>
#include <sys/resource.h>

#include "specimen.h"

__attribute__((noinline)) static void lose() {
  void* volatile block = malloc(1000);
  block = nullptr;
}

int main() {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  must(setrlimit(RLIMIT_CORE, &unlimited) == 0);
  const size_t size = 3 << 20;
  const int file = open("mapped", O_RDWR | O_CREAT, 0600);
  must(ftruncate(file, size) == 0);
  void* const shared = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  void* const left = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  must(shared != MAP_FAILED && left != MAP_FAILED && madvise(left, size, MADV_DONTDUMP) == 0);
  memset(shared, 1, size);
  memset(left, 1, size);
  lose();
  volatile char wipe[65536];
  for (size_t i = 0; i < sizeof wipe; ++i) wipe[i] = 0;
  abort();
}
END
./program || true
core=$(ls core* 2>/dev/null | head -n 1)
[[ -s $core ]] || skip 'the kernel wrote no core here'
leaks_in "$core"
exits_with 1
equals "$(json '[.leaks[] | select(.bytes == 1008)] | length')" 1 'the lost block'
run strata heap --json "$core"
exits_with 0
