// sections - .rodata, .data and .bss of known size, and two sections that share a page.
// The linker gathers specimen_one and specimen_two side by side; their sizes are no whole pages.
#include "specimen.h"

enum { kConstants = 128 << 10, kData = 64 << 10, kBss = 256 << 10, kWritten = 16, kHalf = 6 << 10 };

#define ALIGNED __attribute__((aligned(kPage), used))
static const volatile Byte constants[kConstants] ALIGNED = {1};
static volatile Byte written[kData] ALIGNED = {1};
static volatile Byte unwritten[kData] ALIGNED = {1};
static volatile Byte zeros[kBss] ALIGNED;
static volatile Byte one[kHalf] __attribute__((section("specimen_one"), used)) = {1};
static volatile Byte two[kHalf] __attribute__((section("specimen_two"), used)) = {2};

int main(void) {
  read_pages(constants, kConstants / kPage);
  write_pages(written, kData / kPage);
  read_pages(unwritten, kData / kPage);
  write_pages(zeros, kWritten);
  state_range("rodata", constants, kConstants);
  state("rodata.file", kConstants);
  state_range("data.written", written, kData);
  state("data.written.anonymous", kData);
  state_range("data.unwritten", unwritten, kData);
  state("data.unwritten.file", kData);
  state_range("bss.written", zeros, kWritten * kPage);
  state("bss.written.anonymous", kWritten * kPage);
  state_range("bss.unwritten", zeros + kWritten * kPage, kBss - kWritten * kPage);
  state("bss.unwritten.resident", 0);

  for (size_t i = 0; i < kHalf; i += 64) one[i] = two[i] = 1;
  state_range("specimen_one", one, kHalf);
  state("specimen_one.anonymous", kHalf);
  state_range("specimen_two", two, kHalf);
  state("specimen_two.anonymous", kHalf);
  ready();
}
