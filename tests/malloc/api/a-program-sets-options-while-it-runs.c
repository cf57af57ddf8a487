// What may be set is set, what is wrong is refused with its reason, what comes too late too.
#include "../expect.h"

int main(void) {
  int (*const set)(const char*, const char*) =
      (int (*)(const char*, const char*))dlsym(RTLD_DEFAULT, "strata_malloc_option");
  if (!set) return 77;  // another allocator
  free(opaque(malloc(100)));
  expect(set("decay", "0") == 0);
  expect(set("decay", "3600000") == 0);
  expect(set("decay", "3600001") == EINVAL);
  expect(set("decay", "") == EINVAL);
  expect(set("background", "0") == 0);
  expect(set("background", "yes") == EINVAL);
  expect(set("", "1") == ENOENT);
  expect(set(NULL, "1") == EINVAL);
  expect(set("decay", NULL) == EINVAL);
  expect(set("harden", "1") == EBUSY);
  // What has no meaning here is taken all the same: programs treat a refusal as an error.
  expect(mallopt(M_TRIM_THRESHOLD, -1) == 1);
  expect(mallopt(-1000, 0) == 0);
}
