// leak-vectors - threads that sleep, each with a block that one part of one vector register alone
// holds, and two lost ones. Which parts there are is the processor's.
#include <pthread.h>

#include "leak-book.h"

enum { kSize = 100 };

#ifdef __x86_64__
// The complement of the block becomes it in rax, goes where `load` puts it, and is wiped.
#define STAND(name, load)                                                \
  static void name(const uintptr_t* hidden) {                            \
    __asm__ volatile("mov %0, %%rax; not %%rax\n" load                   \
                     "\nxor %%eax, %%eax\n"                              \
                     "1: mov %1, %%eax\n"                                \
                     "syscall\n"                                         \
                     "jmp 1b"                                            \
                     :                                                   \
                     : "m"(*hidden), "i"(kPause)                         \
                     : "rax", "rcx", "r11", "xmm10", "xmm11", "memory"); \
  }
STAND(in_lower_xmm, "movq %%rax, %%xmm11")
STAND(in_upper_xmm, "movq %%rax, %%xmm11; pslldq $8, %%xmm11")
STAND(in_mm, "movq %%rax, %%mm3")
STAND(in_upper_ymm,
      "vmovq %%rax, %%xmm10; vpxor %%xmm11, %%xmm11, %%xmm11\n"
      "vinsertf128 $1, %%xmm10, %%ymm11, %%ymm11; vpxor %%xmm10, %%xmm10, %%xmm10")
STAND(in_upper_zmm,
      "vmovq %%rax, %%xmm10; vpxor %%xmm11, %%xmm11, %%xmm11\n"
      "vinserti32x4 $3, %%xmm10, %%zmm11, %%zmm11; vpxor %%xmm10, %%xmm10, %%xmm10")
STAND(in_zmm25, "vmovq %%rax, %%xmm25")

static const struct {
  const char* what;
  void (*stand)(const uintptr_t* hidden);
  int feature;
} kPlaces[] = {
    {"lower xmm", in_lower_xmm, 0}, {"upper xmm", in_upper_xmm, 0}, {"mm", in_mm, 0},
    {"upper ymm", in_upper_ymm, 1}, {"upper zmm", in_upper_zmm, 2}, {"zmm25", in_zmm25, 2}};
enum { kPlacesCount = sizeof kPlaces / sizeof *kPlaces };

static uintptr_t hidden[kPlacesCount];
static volatile pid_t tid;

__attribute__((noinline)) static void take_for(int place) {
  hidden[place] = ~(uintptr_t)take_booked(kHeld, kPlaces[place].what, kSize);
}

static void* stand(void* place) {
  wipe();
  tid = gettid();
  kPlaces[(intptr_t)place].stand(&hidden[(intptr_t)place]);
  return NULL;
}

__attribute__((noinline)) static void lose(void) {
  take_booked(kDirect, "nothing", kSize);
  take_booked(kDirect, "nothing", 2 * kSize);
}

int main(void) {
  const int features = __builtin_cpu_supports("avx512f") ? 2
                       : __builtin_cpu_supports("avx")   ? 1
                                                         : 0;
  int threads = 1;
  for (int i = 0; i < kPlacesCount; ++i) {
    if (kPlaces[i].feature > features) continue;
    take_for(i);
    pthread_t thread;
    tid = 0;
    must(pthread_create(&thread, NULL, stand, (void*)(intptr_t)i) == 0);
    while (tid == 0) sched_yield();
    until_paused(tid);
    ++threads;
  }
  lose();
  state("threads", threads);
  state_book();
  state_glibc();
  wipe();
  ready();
}
#else
int main(void) { skip("the registers that hold blocks are those of x86-64"); }
#endif
