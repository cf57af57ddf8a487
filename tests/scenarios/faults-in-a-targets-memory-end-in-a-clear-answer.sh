# Lists in a target's memory that form a ring, point nowhere, or are noise: the linker's, the
# threads', malloc's. What is false is left out; the sum stays the kernel's.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/faults.sh"
[[ $(uname -m) == x86_64 ]] || skip 'knows the offsets of x86-64 alone'

program <<'END'
#include <dirent.h>
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

using Word = std::uintptr_t;
static pthread_barrier_t all_there;

static void* stay(void*) {
  static thread_local void* volatile block;  // in an arena of its own
  block = malloc(1000);
  pthread_barrier_wait(&all_there);
  for (;;) pause();
}

// An xorshift: what it makes is the same each time.
static Word noise() {
  static Word state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

// The ring of free chunks that a freed one joins leads through its bin, outside the heap: the
// unsorted bin's head lies 96 bytes into main_arena (glibc 2.26 on).
static char* main_arena() {
  Word* volatile const freed = static_cast<Word*>(malloc(4000));
  free(malloc(100000));
  char* volatile fence = static_cast<char*>(malloc(4000));
  (void)fence;
  free(freed);
  const Word start = reinterpret_cast<Word>(freed) & ~Word{0xFFFFFF};
  const Word end = reinterpret_cast<Word>(sbrk(0));
  volatile Word* link = freed;
  while (*link >= start && *link < end) link = reinterpret_cast<Word*>(*link + 16);
  return reinterpret_cast<char*>(*link) - 96;
}

// A thread whose descriptor is noise must not run any more.
static void wait_until_all_sleep() {
  for (int asleep = 0; asleep < 3;) {
    asleep = 0;
    DIR* const tasks = opendir("/proc/self/task");
    while (const dirent* task = readdir(tasks)) {
      std::ifstream stat("/proc/self/task/" + std::string(task->d_name) + "/stat");
      std::string number, name, state;
      stat >> number >> name >> state;
      asleep += state == "S";
    }
    closedir(tasks);
  }
}

int main(int, char** arguments) {
  const std::string fault = arguments[1];
  pthread_barrier_init(&all_there, nullptr, 4);
  pthread_t threads[3];
  for (pthread_t& thread : threads) pthread_create(&thread, nullptr, stay, nullptr);
  pthread_barrier_wait(&all_there);
  wait_until_all_sleep();

  char* const arena = main_arena();
  Word* const arena_next = reinterpret_cast<Word*>(arena + 2160);
  Word* const thread_list = reinterpret_cast<Word*>(threads[1] + 0x2c0);
  link_map* const first = _r_debug.r_map;
  const Word wild = 0x4141414141414140;
  if (fault == "arena-ring") *arena_next = *arena_next + 64;
  if (fault == "arena-wild") *arena_next = wild;
  if (fault == "arena-null") *arena_next = 0;
  if (fault == "arena-noise") {
    for (int at = 0; at < 2200; at += 8) *reinterpret_cast<Word*>(arena + at) = noise();
  }
  if (fault == "threads-ring") thread_list[0] = reinterpret_cast<Word>(thread_list);
  if (fault == "threads-wild") thread_list[0] = thread_list[1] = wild;
  if (fault == "threads-noise") {
    for (int at = 0; at < 0x900; at += 8) *reinterpret_cast<Word*>(threads[1] + at) = noise();
  }
  if (fault == "modules-ring") first->l_next->l_next = first;
  if (fault == "modules-wild") first->l_next = reinterpret_cast<link_map*>(wild);
  if (fault == "modules-name") first->l_next->l_name = reinterpret_cast<char*>(wild);
  if (fault == "chunks-noise") {
    Word* const heap = reinterpret_cast<Word*>(static_cast<char*>(sbrk(0)) - 120000);
    for (int i = 0; i < 14000; ++i) heap[i] = noise();
  }
  if (fault == "headers-noise") {
    // The program's own ELF header and program headers, as they lie in memory.
    const auto start = reinterpret_cast<Word>(first->l_addr);
    mprotect(reinterpret_cast<void*>(start), 4096, PROT_READ | PROT_WRITE);
    for (int at = 16; at < 800; at += 8) *reinterpret_cast<Word*>(start + at) = noise();
  }
  // Neither stdio nor malloc may be used any more.
  char end;
  if (write(1, "ready\n", 6) != 6) _exit(1);
  while (read(0, &end, 1) > 0) continue;
  _exit(0);
}
END

for what in arena-ring arena-wild arena-null arena-noise threads-ring threads-wild threads-noise \
  modules-ring modules-wild modules-name chunks-noise headers-noise; do
  specimen ./program $what
  text=
  # Where the ring of arenas alone is broken, the main one's bins and the others' own blocks tell.
  [[ $what != arena-* ]] || text='the ring of arenas leads to'
  [[ $what != arena-noise ]] || text='no allocator'"'"'s structures were recognised'
  fault "$what: explain" 0 "$text" explain --json "$target"
  fault "$what: explain --freeze" 0 "$text" explain --freeze --freeze-limit 10s --json "$target"
  equals "$(json .reconciliation.remainder_bytes)" 0 "$what: the remainder"
  fault "$what: map" 0 '' map --pages --json "$target"
  end_specimen
done
