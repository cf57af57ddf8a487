// realloc-of-a-freed-block - to FROM+TO bytes: in place, grown, shrunk, and of large blocks.
// With  16+16 100+110 100+1000 1000+10 20000+40000 102400+204800 4194304+8388608 4194304+100
#include "bug.h"

int main(int, char** argv) {
  void* const block = malloc(number(argv[1]));
  free(block);
  void* const again = realloc(opaque(block), number(strchr(argv[1], '+') + 1));
  if (again != (void*)1) unseen();
}
