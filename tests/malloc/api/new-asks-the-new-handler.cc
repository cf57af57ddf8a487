// new-asks-the-new-handler - until there is memory, or the handler gives up.
#include <new>

#include "../expect.h"

static int calls;
static volatile std::size_t too_much = SIZE_MAX / 2 + 1;

int main() {
  std::set_new_handler([] {
    if (++calls == 3) std::set_new_handler(nullptr);
  });
  bool thrown = false;
  try {
    opaque(operator new(too_much));
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  expect(thrown && calls == 3);

  // One that throws itself: nothrow turns it into null.
  calls = 0;
  std::set_new_handler([] {
    ++calls;
    throw std::bad_alloc();
  });
  expect(!operator new(too_much, std::nothrow) && calls == 1);
  expect(!operator new[](too_much, std::align_val_t{64}, std::nothrow) && calls == 2);
  thrown = false;
  try {
    opaque(operator new(too_much, std::align_val_t{64}));
  } catch (const std::bad_alloc&) {
    thrown = true;
  }
  expect(thrown && calls == 3);
}
