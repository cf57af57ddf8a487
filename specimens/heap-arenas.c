// heap-arenas - three arenas for nine threads: six stand and two have ended, whose blocks are left
// and whose caches are gone. One has so many large blocks that its arena has several sub-heaps.
#include <pthread.h>

#include "heap-words.h"

enum { kArenas = 3, kEnded = 2, kThreads = 8, kBlocks = 200, kLargeBlocks = 300 };
enum { kLarge = 512 << 10, kManyLarge = kEnded };  // who has them: the first that stands

static struct Part {
  pid_t tid;
  void* arena;
  Byte* blocks[kBlocks];
  Tally live, freed;
} parts[kThreads];
static Byte* large[kLargeBlocks];
static pthread_barrier_t stood, over;

static void fill(struct Part* part, int number) {
  part->tid = gettid();
  for (int i = 0; i < kBlocks; ++i) {
    part->blocks[i] = take_counted((size_t)(40 + i % 50 * 16), &part->live);
  }
  part->arena = arena_of(part->blocks[0]);  // glibc's word
  for (int i = 0; number == kManyLarge && i < kLargeBlocks; ++i) {
    large[i] = take_counted(kLarge, &part->live);
  }
  for (int i = 0; i < kBlocks; i += 5) give_back(part->blocks[i], &part->live, &part->freed);
}

static void* stand(void* argument) {
  const int number = (int)(intptr_t)argument;
  fill(&parts[number], number);
  if (number < kEnded) return NULL;
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return NULL;
}

static void state_arena(const char* key, void* arena) {
  if (arena == NULL)
    state(key, "main");
  else
    state(key, arena);
}

static void state_part(int number) {
  const struct Part* const part = &parts[number];
  state(numbered("thread.%d.tid", number), part->tid);
  state(numbered("thread.%d.ended", number), number < kEnded);
  state_arena(numbered("thread.%d.arena", number), part->arena);
  state(numbered("thread.%d.first_freed", number), part->blocks[0]);
  state(numbered("thread.%d.first_live", number), part->blocks[1]);
  state(numbered("thread.%d.last_live", number), part->blocks[kBlocks - 1]);
  state_tally(numbered("thread.%d.live", number), part->live);
  state_tally(numbered("thread.%d.freed", number), part->freed);
}

/// Each arena, as blocks of threads lie there, and how many of those that live came to it.
static void state_arenas(void) {
  void* arenas[kArenas] = {NULL};
  int attached[kArenas] = {1}, count = 1;  // the main thread came to the main arena
  for (int i = 0; i < kThreads; ++i) {
    int at = 0;
    while (at < count && arenas[at] != parts[i].arena) ++at;
    must(at < kArenas);  // as M_ARENA_MAX has it
    if (at == count) {
      arenas[count] = parts[i].arena;
      attached[count++] = 0;
    }
    attached[at] += i >= kEnded;
  }
  state("arenas", count);
  for (int i = 0; i < count; ++i) {
    state_arena(numbered("arena.%d", i), arenas[i]);
    state(numbered("arena.%d.attached_threads", i), attached[i]);
  }
}

int main(void) {
  must(mallopt(M_ARENA_MAX, kArenas) == 1);
  must(mallopt(M_MMAP_THRESHOLD, 2 * kLarge) == 1);  // fixed, so the large ones have no mappings
  static void* first;
  first = take(100);
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, kThreads - kEnded + 1);
  for (int i = 0; i < kThreads; ++i) {  // one after the other: which arena each gets is fixed
    pthread_t thread;
    must(pthread_create(&thread, NULL, stand, (void*)(intptr_t)i) == 0);
    if (i < kEnded)
      must(pthread_join(thread, NULL) == 0);
    else
      pthread_barrier_wait(&stood);
  }
  for (int i = kEnded; i < kThreads; ++i) until_asleep(parts[i].tid);
  state("threads", kThreads - kEnded + 1);
  state_block("main", first);
  for (int i = 0; i < kThreads; ++i) state_part(i);
  state_arenas();
  int sub_heaps = 0;
  for (int i = 0; i < kLargeBlocks; ++i) {
    sub_heaps += i == 0 || (uintptr_t)large[i] / kSubHeap != (uintptr_t)large[i - 1] / kSubHeap;
  }
  state("large.thread", kManyLarge);
  state("large.blocks", kLargeBlocks);
  state("large.requested", kLarge);
  state("large.first", large[0]);
  state("large.last", large[kLargeBlocks - 1]);
  state("large.sub_heaps", sub_heaps);
  state_glibc();
  ready();
}
