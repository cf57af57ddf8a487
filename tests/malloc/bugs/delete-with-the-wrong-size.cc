// delete-with-the-wrong-size - of what new gave: SIZE+CLAIMED, of arrays too, and aligned.
// With  64+32 64+65 16+17 1000+10 5000+1000 5000+6000 40000+5000 200000+100000 1000+200000
// With  array:640+64 aligned:100+300 aligned:70000+100
// Under  check_sizes:0  unseen
// Under  check_sizes:1  SIGABRT
// Under  check_sizes:1,harden:1  SIGABRT
#include <new>

#include "bug.h"

int main(int, char** argv) {
  const char* const colon = strchr(argv[1], ':');
  const char* const sizes = colon != nullptr ? colon + 1 : argv[1];
  const size_t size = number(sizes), claimed = number(strchr(sizes, '+') + 1);
  if (strncmp(argv[1], "array", 5) == 0) {
    ::operator delete[](opaque(::operator new[](size)), claimed);
  } else if (colon != nullptr) {
    constexpr std::align_val_t kAlignment{256};
    ::operator delete(opaque(::operator new(size, kAlignment)), claimed, kAlignment);
  } else {
    ::operator delete(opaque(::operator new(size)), claimed);
  }
  unseen();
}
