// specimens/leak-book.h - the book that the leak- specimens keep of their blocks, in complements:
// what is stated must not itself keep a block reachable. What calls leave behind in dead frames and
// in registers is wiped, on the stack of the thread that wipe() runs on.
#pragma once
#include "heap-words.h"

typedef enum { kDirect, kIndirect, kCyclic, kMiss, kHeld, kFreed, kKinds } Kind;

enum { kEntries = 128 };
enum { kPause = 34 };  // pause(2) on x86-64
static struct Entry {
  Kind kind;
  uintptr_t hidden;
  size_t usable;
  const char* what;
} book[kEntries];
static int booked;

static inline void* shown(uintptr_t hidden) { return (void*)~hidden; }

__attribute__((noinline)) static void enter(Kind kind, const char* what, void* block) {
  must(booked < kEntries);
  book[booked++] = (struct Entry){kind, ~(uintptr_t)block, malloc_usable_size(block), what};
}

__attribute__((noinline)) static void* take_booked(Kind kind, const char* what, size_t size) {
  void* const block = take(size);
  memset(block, 0, size);
  enter(kind, what, block);
  return block;
}

/// Frames of returned calls, and the registers that no call has to keep.
__attribute__((noinline)) static void wipe(void) {
  volatile Byte deep[48 << 10];
  for (size_t i = 0; i < sizeof deep; ++i) deep[i] = 0;
#ifdef __x86_64__
  __asm__ volatile(
      "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2; pxor %%xmm3, %%xmm3\n"
      "pxor %%xmm4, %%xmm4; pxor %%xmm5, %%xmm5; pxor %%xmm6, %%xmm6; pxor %%xmm7, %%xmm7\n"
      "pxor %%xmm8, %%xmm8; pxor %%xmm9, %%xmm9; pxor %%xmm10, %%xmm10; pxor %%xmm11, %%xmm11\n"
      "pxor %%xmm12, %%xmm12; pxor %%xmm13, %%xmm13; pxor %%xmm14, %%xmm14; pxor %%xmm15, %%xmm15\n"
      "xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi\n"
      "xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d"
      :
      :
      : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2", "xmm3",
        "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
        "xmm15", "cc", "memory");
  // Their upper halves, and those that there are more of; no compiler uses them unasked, libc does.
  if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroall" ::: "memory");
  if (__builtin_cpu_supports("avx512f")) {
    __asm__ volatile(
        ".irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "vpxorq %%zmm\\n, %%zmm\\n, %%zmm\\n\n"
        ".endr" ::
            : "memory");
  }
#endif
}

/// Returns once thread `tid` waits in pause(2), and no more in what came before.
static inline void until_paused(pid_t tid) {
  char path[64], call[128];
  snprintf(path, sizeof path, "/proc/self/task/%d/syscall", tid);
  do {
    sched_yield();
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    must(file >= 0);
    const ssize_t length = read(file, call, sizeof call - 1);
    close(file);
    must(length > 0);
    call[length] = 0;
  } while (strtol(call, NULL, 10) != kPause);
}

static Tally tally_of(Kind kind) {
  Tally sum = {0, 0};
  for (int i = 0; i < booked; ++i) {
    if (book[i].kind != kind) continue;
    ++sum.chunks;
    sum.bytes += book[i].usable;
  }
  return sum;
}

/// NAME.N.block, .usable, .what of each of a kind; for leaks also .kind.
__attribute__((noinline)) static void state_entries(void) {
  static const char* const kName[kKinds] = {"leak", "leak", "leak", "miss", "not", "freed"};
  static const char* const kKind[kKinds] = {"direct", "indirect", "cyclic"};
  int leaks = 0, others[kKinds] = {0};
  for (int i = 0; i < booked; ++i) {
    const struct Entry* const at = &book[i];
    const int number = at->kind <= kCyclic ? leaks++ : others[at->kind]++;
    const char* const name = kName[at->kind];
    say("%s.%d.block=%p\n", name, number, shown(at->hidden));
    say("%s.%d.usable=%zu\n%s.%d.what=%s\n", name, number, at->usable, name, number, at->what);
    if (at->kind <= kCyclic) say("%s.%d.kind=%s\n", name, number, kKind[at->kind]);
  }
}

/// What LeakSanitizer calls direct is led to by no leaked block; of a cycle each is led to.
__attribute__((noinline)) static void state_book(void) {
  state_entries();
  Tally all = {0, 0};
  for (Kind kind = kDirect; kind <= kCyclic; ++kind) {
    const Tally of = tally_of(kind);
    static const char* const kKey[] = {"leak.direct", "leak.indirect", "leak.cyclic"};
    say("%s=%zu\n%s_bytes=%zu\n", kKey[kind], of.chunks, kKey[kind], of.bytes);
    all.chunks += of.chunks;
    all.bytes += of.bytes;
  }
  state_tally("leak", all);
  state_tally("miss", tally_of(kMiss));
  state_tally("not", tally_of(kHeld));
  state_tally("freed", tally_of(kFreed));
}
