// heap-trim - a fragmented heap, and what malloc_trim(0) gives back of it: 40,000 blocks of 1000
// bytes in the main arena and as many in a thread's, all freed but each 64th; free memory at both
// tops. After a line it trims, and states its anonymous RSS before and after, by /proc/self/status.
#include <pthread.h>

#include "heap-words.h"

enum { kBlocks = 40000, kBlock = 1000, kKept = 64, kTail = 60000 };

typedef struct {
  Byte* blocks[kBlocks];
  Byte* tail;
  Tally live, freed;
} Part;
static Part in_main, in_thread;
static pid_t tid;
static pthread_barrier_t stood, over;

static void fragment(Part* part) {
  make_cache();
  for (int i = 0; i < kBlocks; ++i) part->blocks[i] = take_counted(kBlock, &part->live);
  part->tail = take_counted(kTail, &part->live);  // while no hole could hold it
  memset(part->tail, 1, kTail);
  for (int i = 0; i < kBlocks; ++i) {
    if (i % kKept != kKept - 1) give_back(part->blocks[i], &part->live, &part->freed);
  }
  give_back(part->tail, &part->live, &part->freed);
}

static void* stand(void* unused) {
  tid = gettid();
  fragment(&in_thread);
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return unused;
}

static size_t anonymous_rss(void) {
  static char status[8192];
  const int file = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  must(file >= 0);
  const ssize_t length = read(file, status, sizeof status - 1);
  must(length > 0);
  close(file);
  status[length] = 0;
  const char* const line = strstr(status, "\nRssAnon:");
  must(line != NULL);
  return strtoul(line + strlen("\nRssAnon:"), NULL, 10) * 1024;
}

static void state_part(const char* name, const Part* part) {
  say("%s.first_freed=%p\n", name, (void*)part->blocks[0]);
  say("%s.first_live=%p\n", name, (void*)part->blocks[kKept - 1]);
  say("%s.last_live=%p\n", name, (void*)part->blocks[kBlocks - 1]);
  say("%s.tail_freed=%p\n", name, (void*)part->tail);
  char key[32];
  snprintf(key, sizeof key, "%s.live", name);
  state_tally(key, part->live);
  snprintf(key, sizeof key, "%s.freed", name);
  state_tally(key, part->freed);
  // Every page has a header that was written.
  const size_t size = (size_t)(part->blocks[kBlocks - 1] - part->blocks[0]);
  state_range(name, part->blocks[0], size);
}

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // page by page; kernels without huge pages refuse it
  fragment(&in_main);
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, 2);
  pthread_t thread;
  must(pthread_create(&thread, NULL, stand, NULL) == 0);
  pthread_barrier_wait(&stood);
  until_asleep(tid);
  state_part("main", &in_main);
  state("main.anonymous", (size_t)(in_main.blocks[kBlocks - 1] - in_main.blocks[0]));
  state_part("thread", &in_thread);
  state("thread.anonymous", (size_t)(in_thread.blocks[kBlocks - 1] - in_thread.blocks[0]));
  state("block.requested", kBlock);
  state("tail.requested", kTail);
  state("rss_anon", anonymous_rss());
  state_glibc();
  ready();

  const size_t before = anonymous_rss();
  const int gave = malloc_trim(0);
  const size_t after = anonymous_rss();
  state("trim.returned", gave);
  state("rss_anon.before", before);
  state("rss_anon.after", after);
  state("trim.released", before - after);
  state_glibc();
  ready();
}
