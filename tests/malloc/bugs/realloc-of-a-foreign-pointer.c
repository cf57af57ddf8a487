// realloc-of-a-foreign-pointer - on the stack, global, mapped, a small number, inside a block.
// With  stack global mapped number interior large
#include "bug.h"

static _Alignas(64) char global[256];

int main(int, char** argv) {
  _Alignas(64) char local[256];
  char* pointer = (char*)0x10;
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
    case 'i':
      pointer = (char*)malloc(1000) + 16;
      break;
    case 'l':
      pointer = (char*)malloc(4 * kMiB) + 2 * kMiB;
      break;
    default:
      break;
  }
  void* const again = realloc(opaque(pointer), 5000);
  if (again != (void*)1) unseen();
}
