// free-of-a-global - of a variable that is written, or of a constant text.
// With  variable text code
#include "bug.h"

static _Alignas(64) char variable[256];
static _Alignas(64) const char text[256] = "constant";

int main(int, char** argv) {
  free(malloc(100));
  free(opaque(*argv[1] == 'v'   ? (const void*)variable
              : *argv[1] == 't' ? (const void*)text
                                : (const void*)&main));
  unseen();
}
