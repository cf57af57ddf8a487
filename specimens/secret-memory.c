// secret-memory - memory of memfd_secret(2): resident, and nobody else can read it, root included.
#include "specimen.h"

enum { kPages = 16, kMemfdSecret = 447 };

int main(void) {
  const int secret = (int)syscall(kMemfdSecret, O_CLOEXEC);
  if (secret < 0) skip("this kernel has no memfd_secret, or it is not enabled");
  must(ftruncate(secret, kPages * kPage) == 0);
  Byte* const from = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, secret, 0);
  must(from != MAP_FAILED);
  write_pages(from, kPages);
  state_range("secret", from, kPages * kPage);
  state("secret.present", kPages * kPage);
  ready();
}
