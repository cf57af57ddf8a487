// a-limit-of-address-space-can-be-used - most of it, in blocks small and large, by one thread and
// by several; at its end stands ENOMEM, and what is freed can be had again. RLIMIT_DATA too.
#include "churn.h"

enum { kLargest = 64 * 1024 };
static size_t sizes[] = {100, 3000, kLargest, kMiB};

// Links blocks of `size` through their first word until there are no more.
static size_t use_up(size_t size, void** all) {
  size_t used = 0;
  for (void** block; (block = malloc(size)); used += size) {
    *block = *all;
    *all = block;
  }
  expect(errno == ENOMEM);
  return used;
}
static void free_all(void** all) {
  while (*all) {
    void** const block = *all;
    *all = *block;
    free(block);
  }
}

static pthread_mutex_t one = PTHREAD_MUTEX_INITIALIZER;
static size_t together;
static void* use_some(void* size) {
  void* all = NULL;
  const size_t used = use_up((size_t)size, &all);
  pthread_mutex_lock(&one);
  together += used;
  pthread_mutex_unlock(&one);
  return all;
}

static int judge(size_t limit) {
  // What a program and its libraries take of it is the same under every allocator.
  const size_t wanted = limit <= 64 * kMiB ? limit / 2 : limit / 4 * 3;
  int bad = 0;
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; ++i) {
    void* all = NULL;
    const size_t used = use_up(sizes[i], &all);
    free_all(&all);
    const size_t again = use_up(sizes[i], &all);
    free_all(&all);
    dprintf(1, "of %zu MiB, in blocks of %zu: %zu MiB, then %zu\n", limit >> 20, sizes[i],
            used >> 20, again >> 20);
    bad |= used < wanted || again < wanted;
  }
  void* const half = malloc(limit / 2);
  dprintf(1, "of %zu MiB, a block of half: %s\n", limit >> 20, half ? "had" : "refused");
  bad |= !half;
  free(half);
  churn(1, 500);
  return bad;
}

// By threads, in a program that did nothing before: each may hold a little, and has a stack.
static int judge_threads(size_t limit) {
  pthread_t threads[4];
  void* all[4];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 128 * kKiB);
  for (int i = 0; i < 4; ++i) {
    expect(pthread_create(&threads[i], &small, use_some, (void*)(size_t)3000) == 0);
  }
  for (int i = 0; i < 4; ++i) expect(pthread_join(threads[i], &all[i]) == 0);
  dprintf(1, "of %zu MiB, by four threads: %zu MiB\n", limit >> 20, together >> 20);
  for (int i = 0; i < 4; ++i) free_all(&all[i]);
  return together < limit / 2;
}

int main(int count, char** arguments) {
  if (count > 2) return judge_threads(strtoull(arguments[1], NULL, 10));
  if (count > 1) return judge(strtoull(arguments[1], NULL, 10));
  // Before the program starts: what an allocator reserves at first is within the limit, too.
  int bad = 0;
  const struct {
    int resource;
    const char* name;
    const char* limit;
    const char* threads;
  } cases[] = {{RLIMIT_AS, "RLIMIT_AS", "67108864", NULL},
               {RLIMIT_AS, "RLIMIT_AS", "268435456", NULL},
               {RLIMIT_AS, "RLIMIT_AS", "268435456", "threads"},
               {RLIMIT_AS, "RLIMIT_AS", "1073741824", NULL},
               {RLIMIT_DATA, "RLIMIT_DATA", "268435456", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i) {
    const pid_t child = fork();
    expect(child >= 0);
    if (child == 0) {
      const rlim_t limit = strtoull(cases[i].limit, NULL, 10);
      const struct rlimit both = {limit, limit};
      dprintf(1, "%s:\n", cases[i].name);
      expect(setrlimit(cases[i].resource, &both) == 0);
      execl("/proc/self/exe", arguments[0], cases[i].limit, cases[i].threads, NULL);
      _exit(1);
    }
    bad |= !ended_well(child);
  }
  return bad;
}
