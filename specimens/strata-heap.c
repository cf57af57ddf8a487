// strata-heap - a heap of every kind of block for the Strata malloc, which has to be preloaded:
// blocks of twelve sizes, of which some were freed here, some by another thread than had them, some
// whose thread has ended; runs of pages, grown, moved and freed. It states what is live by what
// malloc_usable_size(3) grants. After a line it trims, and states its anonymous RSS before and
// after, by /proc/self/status.
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include "specimen.h"

// None of them is what the C library itself asks for, a block for each thread.
static const size_t kSizes[] = {8, 24, 48, 100, 200, 500, 600, 1000, 4000, 9000, 20000, 32768};
enum { kKinds = sizeof kSizes / sizeof *kSizes, kMostEach = 8192, kEach = 3 << 20, kKept = 64 };
enum { kRuns = 6, kRun = 100000, kGrown = 9 << 20 };

typedef struct {
  Byte* blocks[kKinds][kMostEach];
  int count[kKinds];
  pid_t tid;
} Part;
static Part in_main, in_ended, in_standing;
static Byte* runs[kRuns];
static size_t live[kKinds], usable[kKinds], live_runs, run_bytes;
static pthread_barrier_t stood, over;

static void fill(Part* part, size_t bytes) {
  for (int kind = 0; kind < kKinds; ++kind) {
    const size_t many = bytes / kSizes[kind];
    part->count[kind] = many < kMostEach ? (int)many : kMostEach;
    for (int i = 0; i < part->count[kind]; ++i) {
      Byte* const block = malloc(kSizes[kind]);
      must(block != NULL);
      memset(block, 1, kSizes[kind]);
      part->blocks[kind][i] = block;
    }
  }
}

/// All but each kKept-th in the first half, each third in the second.
static void thin_out(Part* part) {
  for (int kind = 0; kind < kKinds; ++kind) {
    for (int i = 0; i < part->count[kind]; ++i) {
      const int is_freed = i < part->count[kind] / 2 ? i % kKept != kKept - 1 : i % 3 == 1;
      if (!is_freed) continue;
      free(part->blocks[kind][i]);
      part->blocks[kind][i] = NULL;
    }
  }
}

static void* fill_and_end(void* unused) {
  fill(&in_ended, kEach);
  return unused;
}

static void* fill_and_stand(void* unused) {
  in_standing.tid = gettid();
  fill(&in_standing, kEach / 4);
  thin_out(&in_standing);
  pthread_barrier_wait(&stood);
  pthread_barrier_wait(&over);
  return unused;
}

static void make_runs(void) {
  for (int i = 0; i < kRuns; ++i) {
    runs[i] = malloc((size_t)(kRun + i * 7 * kPage));
    must(runs[i] != NULL);
    memset(runs[i], 1, kRun);
  }
  runs[0] = realloc(runs[0], kGrown);
  must(runs[0] != NULL);
  memset(runs[0] + kGrown / 2, 1, kPage);
  free(runs[2]);
  free(runs[3]);
  runs[2] = runs[3] = NULL;
}

static void count(const Part* part) {
  for (int kind = 0; kind < kKinds; ++kind) {
    for (int i = 0; i < part->count[kind]; ++i) {
      if (part->blocks[kind][i] == NULL) continue;
      ++live[kind];
      usable[kind] = malloc_usable_size(part->blocks[kind][i]);
    }
  }
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

/// The function that calls lead to, by the loader's word on whose it is.
static int is_of_one_library(void* one, void* other) {
  Dl_info first, second;
  must(dladdr(one, &first) != 0 && dladdr(other, &second) != 0);
  return first.dli_fbase == second.dli_fbase;
}

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);  // page by page; kernels without huge pages refuse it
  if (dlsym(RTLD_DEFAULT, "strata_malloc_layout") == NULL &&
      is_of_one_library(dlsym(RTLD_DEFAULT, "malloc"), dlsym(RTLD_DEFAULT, "printf"))) {
    skip("it runs on the C library's malloc");
  }
  fill(&in_main, kEach);
  pthread_t thread;
  must(pthread_create(&thread, NULL, fill_and_end, NULL) == 0);
  must(pthread_join(thread, NULL) == 0);
  thin_out(&in_main);
  thin_out(&in_ended);
  pthread_barrier_init(&stood, NULL, 2);
  pthread_barrier_init(&over, NULL, 2);
  must(pthread_create(&thread, NULL, fill_and_stand, NULL) == 0);
  pthread_barrier_wait(&stood);
  until_asleep(in_standing.tid);
  make_runs();

  count(&in_main);
  count(&in_ended);
  count(&in_standing);
  for (int kind = 0; kind < kKinds; ++kind) {
    say("class.%d.usable=%zu\nclass.%d.live=%zu\n", kind, usable[kind], kind, live[kind]);
  }
  for (int i = 0; i < kRuns; ++i) {
    if (runs[i] == NULL) continue;
    ++live_runs;
    run_bytes += malloc_usable_size(runs[i]);
  }
  state("classes", kKinds);
  state("runs.live", live_runs);
  state("runs.bytes", run_bytes);
  state("run.block", runs[1]);
  state("small.block", in_main.blocks[2][kKept - 1]);
  ready();

  if (!is_of_one_library(dlsym(RTLD_DEFAULT, "malloc_trim"), dlsym(RTLD_DEFAULT, "malloc"))) {
    state("trim.absent", 1);
    ready();
    return 0;
  }
  const size_t before = anonymous_rss();
  state("trim.returned", malloc_trim(0));
  const size_t after = anonymous_rss();
  state("rss_anon.before", before);
  state("rss_anon.after", after);
  state("trim.released", before - after);
  ready();
}
