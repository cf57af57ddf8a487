// every-operator-new-has-its-delete - plain, sized, aligned, nothrow, arrays; what cannot be had is
// std::bad_alloc or null.
#include <cstdint>
#include <new>
#include <vector>

#include "../expect.h"

using std::align_val_t;
using std::nothrow;
static volatile std::size_t kTooMuch = SIZE_MAX / 2 + 1;

template <class New>
static bool throws(New make) {
  try {
    opaque(make());
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

int main() {
  for (std::size_t size = 0; size < 200000; size += size / 4 + 1) {
    void* block;
    const auto good = [&](void* made, std::size_t alignment) {
      expect(made && reinterpret_cast<std::uintptr_t>(made) % alignment == 0);
      fill(made, size, 3);
      expect(malloc_usable_size(made) >= size);
      return block = made;
    };
    operator delete(good(operator new(size), 16));
    operator delete(good(operator new(size), 16), size);
    operator delete[](good(operator new[](size), 16));
    operator delete[](good(operator new[](size), 16), size);
    operator delete(good(operator new(size, nothrow), 16), nothrow);
    operator delete[](good(operator new[](size, nothrow), 16), nothrow);
    for (std::size_t power = 1; power <= 65536; power *= 16) {
      const align_val_t alignment{power};
      operator delete(good(operator new(size, alignment), power), alignment);
      operator delete(good(operator new(size, alignment), power), size, alignment);
      operator delete[](good(operator new[](size, alignment), power), alignment);
      operator delete[](good(operator new[](size, alignment), power), size, alignment);
      operator delete(good(operator new(size, alignment, nothrow), power), alignment, nothrow);
      operator delete[](good(operator new[](size, alignment, nothrow), power), alignment, nothrow);
    }
    // new's blocks are malloc's, as libraries mix them.
    free(good(operator new(size), 16));
  }
  operator delete(nullptr);
  operator delete[](nullptr);
  operator delete(nullptr, std::size_t{5});
  operator delete(nullptr, align_val_t{64});

  for (int i = 0; i < 1000; ++i) {
    expect(throws([] { return operator new(kTooMuch); }));
    expect(throws([] { return operator new[](kTooMuch); }));
    expect(throws([] { return operator new(kTooMuch, align_val_t{64}); }));
    expect(throws([] { return operator new[](kTooMuch, align_val_t{64}); }));
    expect(throws([] { return new long[kTooMuch]; }));
    expect(throws([] { return std::vector<char>(SIZE_MAX / 2 - 8).data(); }));
  }
  expect(!operator new(kTooMuch, nothrow));
  expect(!operator new[](kTooMuch, nothrow));
  expect(!operator new(kTooMuch, align_val_t{64}, nothrow));
  expect(!operator new[](kTooMuch, align_val_t{64}, nothrow));
}
