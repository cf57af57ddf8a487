// main-stack - the main thread's stack, once used far below where it stands now.
#include "specimen.h"

enum { kDepth = 1 << 20 };

static uintptr_t touched;

__attribute__((noinline)) static void touch(void) {
  volatile Byte deep[kDepth];
  for (size_t i = 0; i < kDepth; i += 64) deep[i] = 1;
  touched = (uintptr_t)deep;
}

int main(void) {
  volatile Byte local = 1;
  touch();
  state("local", &local);
  state_range("touched", (Byte*)touched, kDepth);
  state("touched.anonymous", kDepth);
  ready();
}
