// free-sized-with-the-wrong-size - SIZE+CLAIMED; C23's functions, which glibc has not yet.
// With  64+65 128+16 5000+1000 200000+100 aligned:100+400
// Under  check_sizes:0  unseen
// Under  check_sizes:1  SIGABRT
#include "bug.h"

int main(int, char** argv) {
  const char* const colon = strchr(argv[1], ':');
  const char* const sizes = colon ? colon + 1 : argv[1];
  const size_t size = number(sizes), claimed = number(strchr(sizes, '+') + 1);
  void (*const free_sized)(void*, size_t) =
      (void (*)(void*, size_t))dlsym(RTLD_DEFAULT, "free_sized");
  void (*const free_aligned_sized)(void*, size_t, size_t) =
      (void (*)(void*, size_t, size_t))dlsym(RTLD_DEFAULT, "free_aligned_sized");
  expect(free_sized && free_aligned_sized);
  if (colon) {
    free_aligned_sized(opaque(aligned_alloc(128, size)), 128, claimed);
  } else {
    free_sized(opaque(malloc(size)), claimed);
  }
  unseen();
}
