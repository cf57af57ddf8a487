// free-of-an-address-that-is-none - small numbers, text taken for a pointer, the kernel's half and
// the last addresses of all.
// With  0x1 0x8 0x10 0x1000 0x4141414141414141 0x7ffffffff010 0xffff800000000000
// With  0xfffffffffffffff0 0xffffffffffffffff
#include "bug.h"

int main(int, char** argv) {
  free(malloc(100));
  free(opaque((void*)number(argv[1])));
  unseen();
}
