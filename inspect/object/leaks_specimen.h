// inspect/object/leaks_specimen.h - for the tests: a program with blocks that are lost, and blocks
// that one place alone holds.
//
//     WHAT ADDRESS     a block, as malloc() gave it
//     ready
#pragma once

#include <sstream>
#include <string>
#include <vector>

#include "inspect/heap/runtime_specimen.h"

namespace strata {

// What it keeps of its blocks are complements, and what calls left behind is wiped before it says
// that it is ready.
inline constexpr const char* kLeaksSpecimen = R"c(
#define _GNU_SOURCE
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline))

static struct {
  const char* what;
  uintptr_t hidden;
} book[64];
static int booked;

static char not_zero;
static void* volatile in_data = &not_zero;
static void** volatile in_bss;
static char* volatile interior;
static void** volatile in_mapping;
static void** volatile mapped;
static __thread void* volatile in_thread_local;
static volatile uintptr_t hidden_for_register;
static volatile int stands[2];

NOINLINE static void** made(const char* what, size_t size) {
  void** const block = malloc(size);
  memset(block, 0, size);
  book[booked].what = what;
  book[booked++].hidden = ~(uintptr_t)block;
  return block;
}

NOINLINE static void lose(void) {
  made("direct", 100);
  made("large", 5000);
  strcpy((char*)made("text", 64), "only where it is asked for, at some length");
  void** const holder = made("holder", 40);
  holder[2] = made("held-by-lost", 60);
  ((void**)holder[2])[5] = made("deep", 200);
  void** const first = made("cycle", 72);
  first[1] = made("cycle", 72);
  ((void**)first[1])[3] = first;
}

NOINLINE static void hold(void) {
  in_data = made("data", 24);
  in_bss = made("bss", 80);
  in_bss[3] = made("chain", 24);
  ((void**)in_bss[3])[1] = made("chain-end", 24);
  interior = (char*)made("interior", 300) + 100;
  in_mapping = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  in_mapping[7] = made("mapping", 24);
  mapped = made("mapped", 300 << 10);
  mapped[20000] = made("in-mapped", 24);
  in_thread_local = made("thread-local", 24);
}

NOINLINE static void free_some(void) {
  void** const freed = made("freed", 88);
  freed[6] = made("held-by-freed", 24);
  free(freed);
}

NOINLINE static void* take_for_stack(const char* what) { return made(what, 24); }
NOINLINE static void take_for_register(void) {
  hidden_for_register = ~(uintptr_t)made("register", 24);
}

NOINLINE static void wipe(void) {
  volatile char deep[32 << 10];
  for (size_t i = 0; i < sizeof deep; ++i) deep[i] = 0;
#ifdef __x86_64__
  __asm__ volatile(
      "pxor %%xmm0, %%xmm0; pxor %%xmm1, %%xmm1; pxor %%xmm2, %%xmm2; pxor %%xmm3, %%xmm3\n"
      "xor %%eax, %%eax; xor %%ecx, %%ecx; xor %%edx, %%edx; xor %%esi, %%esi; xor %%edi, %%edi\n"
      "xor %%r8d, %%r8d; xor %%r9d, %%r9d; xor %%r10d, %%r10d; xor %%r11d, %%r11d" ::
          : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",
            "xmm3", "cc", "memory");
#endif
}

static void* stand(void* unused) {
  void* volatile own = take_for_stack("thread-stack");
  wipe();
  stands[0] = 1;
  for (;;) pause();
  return own ? unused : NULL;
}

static void* stand_with_register(void* unused) {
#ifdef __x86_64__
  take_for_register();
  wipe();
  __asm__ volatile(
      "mov %0, %%r12; not %%r12\n"
      "movl $1, %1\n"
      "1: mov $34, %%eax; syscall; jmp 1b"
      : : "m"(hidden_for_register), "m"(stands[1]) : "rax", "rcx", "r11", "r12", "memory");
#else
  stands[1] = 1;
#endif
  return unused;
}

static void start(void* (*work)(void*), volatile int* stands_then) {
  pthread_t thread;
  pthread_create(&thread, NULL, work, NULL);
  while (!*stands_then) usleep(100);
}

NOINLINE static void damage(void) {
  size_t* const block = (size_t*)made("damaged", 100);
  made("behind", 100);
  block[-1] = 0x1234560;
}

NOINLINE static void say_all(void) {
  for (int i = 0; i < booked; ++i) printf("%s %#lx\n", book[i].what, ~book[i].hidden);
  fflush(stdout);
}

int main(int argc, char** argv) {
  void* volatile own = take_for_stack("stack");
  lose();
  hold();
  start(stand, &stands[0]);
  start(stand_with_register, &stands[1]);
  free_some();
  if (argc > 1) damage();
  say_all();
  wipe();
  if (write(1, "ready\n", 6) != 6) return 1;
  for (;;) pause();
  return own != NULL;
}
)c";

/// The program, running; `argument` is "damaged", or empty.
class LeaksSpecimen {
 public:
  explicit LeaksSpecimen(const std::string& argument = {}) {
    static const Build build;
    if (!build.done) return;
    std::vector<std::string> command = {build.scratch.path() + "/leaks"};
    if (!argument.empty()) command.push_back(argument);
    specimen_ = std::make_unique<Specimen>(command);
  }

  /// Whether it could be built, and got ready.
  bool is_there() const { return specimen_ != nullptr && !specimen_->said().empty(); }
  pid_t pid() const { return specimen_->pid(); }
  /// The blocks of these names, by address.
  std::vector<Address> blocks(const std::vector<std::string>& names) const {
    std::vector<Address> all;
    std::istringstream lines(specimen_->said());
    for (std::string name, address; lines >> name >> address;) {
      if (std::ranges::find(names, name) == names.end()) continue;
      all.push_back(Address{std::strtoull(address.c_str(), nullptr, 16)});
    }
    std::sort(all.begin(), all.end());
    return all;
  }
  Address block(const std::string& name) const { return blocks({name}).at(0); }

 private:
  struct Build {
    Build() {
      scratch.write("leaks.c", kLeaksSpecimen);
      done = scratch.run("cc -O1 -g -pthread leaks.c -o leaks");
    }
    Scratch scratch;
    bool done = false;
  };
  std::unique_ptr<Specimen> specimen_;
};

}  // namespace strata
