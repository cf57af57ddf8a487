// double-free-of-a-large-block-after-others - its neighbours were freed too, so that what held
// them may have been joined or given back.
// With  102400 4194304
#include "bug.h"

int main(int, char** argv) {
  void* blocks[8];
  for (int i = 0; i < 8; ++i) blocks[i] = malloc(number(argv[1]));
  for (int i = 0; i < 8; ++i) free(blocks[i]);
  free(opaque(blocks[3]));
  unseen();
}
