# Lost objects are listed under their class, stripped or not; text that leaked is shown where that
# is asked for. --min leaves out what is smaller with all that it holds.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"

program -Wl,-z,now <<'END_OF_PROGRAM'
#include <cstdlib>
#include <cstring>
#include <string>

#include "specimen.h"

namespace shop {
struct Item { virtual ~Item() = default; long price = 3; };
struct Book : Item { char title[100] = {}; };
struct Cart { virtual ~Cart() = default; Item* items[20] = {}; };
}  // namespace shop

// Not in sight of the optimizer, that it may not leave them out.
void* volatile last;
template <class T> __attribute__((noinline)) T* made() { T* const t = new T; last = t; return t; }

__attribute__((noinline)) void lose() {
  for (int i = 0; i < 3; ++i) made<shop::Item>();
  for (int i = 0; i < 2; ++i) made<shop::Book>();
  shop::Cart* const cart = made<shop::Cart>();
  for (auto& item : cart->items) item = made<shop::Book>();
  char* const text = static_cast<char*>(std::malloc(64));
  std::strcpy(text, "password=opensesame and some more");
  last = text;
  char* const aligned = static_cast<char*>(std::aligned_alloc(1 << 20, 3 << 20));
  last = aligned;
  state("aligned", reinterpret_cast<unsigned long>(aligned) ^ 0xFFFF000000000000);
  last = nullptr;
}
__attribute__((noinline)) void wipe() {
  volatile char deep[32 << 10];
  for (auto& byte : deep) byte = 0;
}

int main() {
  lose();
  wipe();
  ready();
}
END_OF_PROGRAM

types='[.leaks[] | select(.type) | .type] | group_by(.) | map("\(.[0]) \(length)") | join(", ")'
for build in whole stripped; do
  [[ $build == whole ]] || strip program
  specimen ./program
  leaks_of
  exits_with 1
  equals "$(json "$types")" 'shop::Book 2, shop::Cart 1, shop::Item 3' "classes, $build"
  json '.leaks[] | select(.type == "shop::Cart") | .indirect_chunks == 20' >/dev/null
  json '.leaks[] | select(.kind == "text") | .text == null' >/dev/null
  json '[.leaks[] | select(.address == $at)] | length == 1' \
    --arg at "$(printf '0x%x' $(($(stated aligned) ^ 0xFFFF000000000000)))" >/dev/null
  run strata leaks "$target"
  says 'shop::Cart'
  never_says opensesame
  run strata leaks --json --show-content "$target"
  json '.leaks[] | select(.kind == "text") | .text | contains("opensesame")' >/dev/null

  leaks_of --min 500  # the cart holds as much, and so has the aligned block
  exits_with 1
  equals "$(json '.leaks | length')" 2 'leaks of 500 bytes and more'
  holds "$(json .totals.left_out_chunks) == $(json .totals.direct_chunks) - 2" 'the rest left out'
  leaks_of --min 100M
  exits_with 0
  end_specimen
done
