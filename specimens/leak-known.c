// leak-known - lost blocks of known number (`leak`), blocks that one place alone holds (`not`),
// freed ones (`freed`), and those that the program could still find and nobody else can (`miss`): a
// pointer with its high bits used, or xored.
#include <pthread.h>

#include "leak-book.h"

enum { kSmall = 24, kNode = 40, kMapped = 300 << 10, kDeep = 128 << 10 };
static const uintptr_t kHighTag = 0xA5ull << 56, kKey = 0x5A5A5A5A5A5A5A5A;

static const struct {
  size_t size;
  int count;
} kLost[] = {{kSmall, 10}, {100, 7}, {1000, 3}, {5000, 2}, {200 << 10, 1}};

typedef struct Node {
  struct Node* next[3];
} Node;

// volatile: what is only written would not be kept.
static void* volatile in_bss;
static Byte not_zero;
static void* volatile in_data = &not_zero;
static Byte* volatile interior;
static void* volatile* volatile in_mapping;
static void* volatile* volatile in_mapped_block;
static Node* volatile list;
static void* volatile dangling;
static volatile uintptr_t tagged_low, tagged_high, xored;
static _Thread_local void* volatile thread_local_pointer;
static pthread_key_t key;
static volatile uintptr_t hidden_for_register;
static uintptr_t to_free[5];  // complements

static pthread_barrier_t stood, over;
static pid_t tids[2];

__attribute__((noinline)) static Node* node(Kind kind, const char* what, Node* parent, int at) {
  Node* const made = take_booked(kind, what, kNode);
  if (parent != NULL) parent->next[at] = made;
  return made;
}

__attribute__((noinline)) static void lose(void) {
  for (size_t i = 0; i < sizeof kLost / sizeof *kLost; ++i) {
    for (int n = 0; n < kLost[i].count; ++n) take_booked(kDirect, "nothing", kLost[i].size);
  }
  Node* at = node(kDirect, "chain", NULL, 0);
  for (int i = 0; i < 5; ++i) at = node(kIndirect, "chain", at, 0);
  Node* const root = node(kDirect, "tree", NULL, 0);
  for (int i = 0; i < 3; ++i) {
    Node* const child = node(kIndirect, "tree", root, i);
    for (int k = 0; k < 2; ++k) node(kIndirect, "tree", child, k);
  }
  Node* const first = node(kCyclic, "cycle", NULL, 0);
  node(kCyclic, "cycle", node(kCyclic, "cycle", first, 0), 0)->next[0] = first;
}

/// What a returned call left below the stack pointer; deeper than wipe() and ready() reach.
__attribute__((noinline)) static void leave_on_dead_stack(void) {
  void* volatile frame[kDeep / sizeof(void*)];
  frame[0] = take_booked(kDirect, "dead stack", kSmall);
  (void)frame[0];
}

__attribute__((noinline)) static void hold(void) {
  in_data = take_booked(kHeld, "data", kSmall);
  in_bss = take_booked(kHeld, "bss", kSmall);
  interior = (Byte*)take_booked(kHeld, "interior", 1000) + 500;
  in_mapping = (void* volatile*)(void*)map_pages(1);
  in_mapping[100] = take_booked(kHeld, "mapping", kSmall);
  in_mapped_block = take_booked(kHeld, "data", kMapped);
  in_mapped_block[1000] = take_booked(kHeld, "mapped block", kSmall);
  Node* at = list = node(kHeld, "data", NULL, 0);
  for (int i = 0; i < 3; ++i) at = node(kHeld, "list", at, 2);
  tagged_low = (uintptr_t)take_booked(kHeld, "low tag", kSmall) | 3;
  tagged_high = (uintptr_t)take_booked(kMiss, "high tag", kSmall) | kHighTag;
  xored = (uintptr_t)take_booked(kMiss, "xored", kSmall) ^ kKey;
  thread_local_pointer = take_booked(kHeld, "thread-local", kSmall);
  must(pthread_key_create(&key, NULL) == 0);
  must(pthread_setspecific(key, take_booked(kHeld, "thread-specific", kSmall)) == 0);
}

__attribute__((noinline)) static void* hold_by_stack(void) {
  return take_booked(kHeld, "stack", kSmall);
}

__attribute__((noinline)) static void hold_in_thread(void) {
  thread_local_pointer = take_booked(kHeld, "thread-local of a thread", kSmall);
}

/// Keeps one on its stack and one in its thread-local block.
static void* stand(void* unused) {
  void* volatile own = take_booked(kHeld, "stack of a thread", kSmall);
  hold_in_thread();
  tids[0] = gettid();
  wipe();
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return own == NULL ? NULL : unused;
}

__attribute__((noinline)) static void take_for_register(void) {
  hidden_for_register = ~(uintptr_t)take_booked(kHeld, "register", kSmall);
  tids[1] = gettid();
}

/// Keeps one in r12, and nowhere else, for as long as the process lives.
static void* stand_with_register(void* unused) {
  take_for_register();
  wipe();
  pthread_barrier_wait(&stood);
#ifdef __x86_64__
  __asm__ volatile(
      "mov %0, %%r12\n"
      "not %%r12\n"
      "1: mov %1, %%eax\n"
      "syscall\n"
      "jmp 1b"
      :
      : "m"(hidden_for_register), "i"(kPause)
      : "rax", "rcx", "r11", "r12", "memory");
#endif
  return unused;
}

/// Blocks to be freed, two of which alone lead each to a block that stays.
__attribute__((noinline)) static void prepare_freed(void) {
  static const size_t kSizes[] = {72, 72, 72, 200, 3000};
  for (int i = 0; i < 5; ++i) {
    void** const block = take_booked(kFreed, "nothing", kSizes[i]);
    to_free[i] = ~(uintptr_t)block;
    if (i == 0) dangling = block;
    if (i >= 3) block[8] = take_booked(kDirect, "freed block", kSmall);
  }
}

__attribute__((noinline)) static void free_prepared(void) {
  for (int i = 0; i < 5; ++i) free(shown(to_free[i]));
}

static void start(void* (*work)(void*)) {
  pthread_t thread;
  must(pthread_create(&thread, NULL, work, NULL) == 0);
  pthread_barrier_wait(&stood);
}

int main(void) {
#ifndef __x86_64__
  skip("the register that holds a block is one of x86-64");
#endif
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, 2);
  void* volatile by_stack = hold_by_stack();
  lose();
  prepare_freed();
  hold();
  start(stand);
  start(stand_with_register);
  until_asleep(tids[0]);
  until_paused(tids[1]);
  leave_on_dead_stack();
  free_prepared();  // last: nothing is to take them again
  state("threads", 3);
  state_book();
  state_glibc();
  wipe();
  ready();
  return by_stack == NULL;
}
