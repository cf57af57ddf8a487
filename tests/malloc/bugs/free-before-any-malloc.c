// free-before-any-malloc - of a foreign pointer, where this program has allocated nothing yet.
#include "bug.h"

static char variable[256];

int main(void) {
  free(opaque(variable + 16));
  unseen();
}
