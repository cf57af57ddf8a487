// delete-of-a-foreign-pointer - all ways to delete refuse what no new gave.
// With  plain array sized aligned sized-array
#include <new>
#include <string_view>

#include "bug.h"

static char variable[256];

int main(int, char** argv) {
  const std::string_view way = argv[1];
  void* const pointer = opaque(variable + 64);
  if (way == "plain") operator delete(pointer);
  if (way == "array") operator delete[](pointer);
  if (way == "sized") operator delete(pointer, std::size_t{64});
  if (way == "aligned") operator delete(pointer, std::align_val_t{64});
  if (way == "sized-array") operator delete[](pointer, std::size_t{64});
  unseen();
}
