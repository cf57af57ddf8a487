// double-free-of-a-sampled-block - one whose allocation site was noted, where a malloc can do so.
// With  16 1000 4000 30000 60000 1000000
#include "bug.h"

int main(int, char** argv) {
  int (*const sample)(size_t) = (int (*)(size_t))dlsym(RTLD_DEFAULT, "strata_malloc_sample");
  if (sample != NULL) expect(sample(1) == 0);
  void* const block = malloc(number(argv[1]));
  free(block);
  free(opaque(block));
  unseen();
}
