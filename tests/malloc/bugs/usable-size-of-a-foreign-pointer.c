// usable-size-of-a-foreign-pointer - there is no true answer.
// With  stack global mapped number
#include "bug.h"

static _Alignas(64) char global[256];

int main(int, char** argv) {
  _Alignas(64) char local[256];
  char* pointer = (char*)0x10;
  free(malloc(100));
  switch (*argv[1]) {
    case 's':
      pointer = local + 64;
      break;
    case 'g':
      pointer = global;
      break;
    case 'm':
      pointer = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      break;
    default:
      break;
  }
  if (malloc_usable_size(opaque(pointer)) != (size_t)-1) unseen();
}
