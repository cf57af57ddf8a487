// device - memory of a device, mapped by frame number and read where that is harmless.
#include "specimen.h"

enum { kPages = 16 };

int main(void) {
  static const char* const kDevices[] = {"/dev/fb0", "/dev/fb1"};
  for (size_t i = 0; i < sizeof kDevices / sizeof *kDevices; ++i) {
    const int device = open(kDevices[i], O_RDWR | O_CLOEXEC);
    if (device < 0) continue;
    Byte* const from = mmap(NULL, kPages * kPage, PROT_READ, MAP_SHARED, device, 0);
    if (from == MAP_FAILED) continue;
    read_pages(from, kPages);
    state("device", kDevices[i]);
    state_range("mapped", from, kPages * kPage);
    state("mapped.read", kPages * kPage);
    state("mapped.mappings", 1);
    ready();
    return 0;
  }
  skip("no frame buffer here that can be mapped");
}
