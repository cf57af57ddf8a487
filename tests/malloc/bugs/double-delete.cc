// double-delete - operator delete is a free, too.
// With  1 16 1000 100000
#include "bug.h"

int main(int, char** argv) {
  char* const block = new char[number(argv[1])];
  delete[] block;
  delete[] static_cast<char*>(opaque(block));
  unseen();
}
