// static - an executable with no libraries, with .data and .bss of known size.
// Flags  -static
#include "specimen.h"

enum { kData = 64 << 10, kBss = 256 << 10, kWritten = 16 };

static volatile Byte data[kData] __attribute__((aligned(kPage))) = {1};
static volatile Byte zeros[kBss] __attribute__((aligned(kPage)));

int main(void) {
  write_pages(data, kData / kPage);
  write_pages(zeros, kWritten);
  void* const live = malloc(1000);
  must(live != NULL);
  state_range("data", data, kData);
  state("data.anonymous", kData);
  state_range("bss.written", zeros, kWritten * kPage);
  state("bss.written.anonymous", kWritten * kPage);
  state_range("bss.unwritten", zeros + kWritten * kPage, kBss - kWritten * kPage);
  state("bss.unwritten.resident", 0);
  state("live.address", live);
  state("live.size", 1000);
  ready();
  free(live);
}
