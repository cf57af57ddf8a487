# A block's size that was written over leads beyond the top, or into the part of a large block that was
# never touched: no header there says that it is wrong, and the blocks that it covers are there still.
. "$(dirname "$0")/../scenario.sh"

program <<'END'
#include <malloc.h>

#include "specimen.h"

int main(int, char** arguments) {
  static void* volatile blocks[64];
  for (auto& block : blocks) block = memset(malloc(200), 1, 200);
  static void* volatile large;
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  large = malloc(1 << 20);
  const uintptr_t size = reinterpret_cast<uintptr_t>(blocks[20]) - 8;
  const uintptr_t behind = strcmp(arguments[1], "large") == 0
                               ? reinterpret_cast<uintptr_t>(large) + (512 << 10)
                               : reinterpret_cast<uintptr_t>(sbrk(0)) - 8192;
  *reinterpret_cast<volatile uintptr_t*>(size) = ((behind - size) & ~uintptr_t{15}) | 1;
  state("size.at", size);
  ready();
}
END
for kind in large top; do
  specimen ./program "$kind"
  run strata heap --check --freeze --json "$target"
  exits_with 1
  equals "$(json '[.damage[].address] | unique | join(" ")')" \
    "$(printf '0x%x' "$(stated size.at)")" "$kind: where"
  holds "$(json .totals.live_chunks) >= 64" "$kind: live chunks"
  holds "$(json .totals.not_walked_bytes) <= 224" "$kind: bytes that are not walked"
  end_specimen
done
