// strata-pools - named heaps of the Strata malloc, which has to be preloaded: one of blocks of many
// sizes and large ones, filled by two threads, a pool of objects up to its limit, one whose name is
// an escape sequence, one that was reset, one that was destroyed; and plain blocks beside them. It
// states of each what is live by what malloc_usable_size(3) grants. After a line it trims, and
// states how much less anonymous memory is resident; after another it gives all back, and states it
// before and after.
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>

#include "specimen.h"

typedef struct Heap Heap;
static Heap* (*create)(const char*, size_t);
static Heap* (*create_pool)(const char*, size_t, size_t, size_t);
static void* (*take)(Heap*, size_t);
static void* (*take_object)(Heap*);
static void* (*again)(Heap*, void*, size_t);
static void (*give)(Heap*, void*);
static void (*reset)(Heap*);
static void (*destroy)(Heap*);

static const char* const kNames[] = {"parser", "a \x1b[31m\n\\ heap", "objects", "reset"};
enum { kParser, kOdd, kObjects, kReset, kHeaps };
enum { kBlocks = 20000, kRuns = 5, kRun = 200000, kObject = 72, kLimit = 1 << 20, kRefused = 3 };
enum { kMore = 96 << 10 };

static Heap* heaps[kHeaps];
static Byte* blocks[2][kBlocks];
static size_t live[kHeaps], live_bytes[kHeaps], run_bytes;

static void count(int heap, void* block) {
  ++live[heap];
  live_bytes[heap] += malloc_usable_size(block);
}

static Byte* filled(Heap* heap, size_t bytes) {
  Byte* const block = take(heap, bytes);
  must(block != NULL);
  memset(block, 1, bytes);
  return block;
}

/// The first ones are freed, and each third of the others; each fifth of these by free(3).
static void* fill(void* into) {
  Byte** const all = into;
  for (int i = 0; i < kBlocks; ++i) {
    all[i] = filled(heaps[kParser], i % 50 == 0 ? 3000 : (size_t)(1 + i % 700));
  }
  for (int i = 0; i < kBlocks; ++i) {
    if (i >= kBlocks / 5 && i % 3 != 0) continue;
    if (i % 5 == 0) {
      free(all[i]);
    } else {
      give(heaps[kParser], all[i]);
    }
    all[i] = NULL;
  }
  return NULL;
}

static void make_runs(void) {
  for (int i = 0; i < kRuns; ++i) {
    Byte* run = filled(heaps[kParser], (size_t)(kRun + i * kMore));
    if (i % 2 == 1) {
      run = again(heaps[kParser], run, 9 * kRun);
      must(run != NULL);
    }
    count(kParser, run);
    run_bytes += malloc_usable_size(run);
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

int main(void) {
  prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
  create = (Heap * (*)(const char*, size_t)) dlsym(RTLD_DEFAULT, "strata_heap_create");
  create_pool =
      (Heap * (*)(const char*, size_t, size_t, size_t)) dlsym(RTLD_DEFAULT, "strata_pool_create");
  take = (void* (*)(Heap*, size_t))dlsym(RTLD_DEFAULT, "strata_heap_alloc");
  take_object = (void* (*)(Heap*))dlsym(RTLD_DEFAULT, "strata_pool_alloc");
  again = (void* (*)(Heap*, void*, size_t))dlsym(RTLD_DEFAULT, "strata_heap_realloc");
  give = (void (*)(Heap*, void*))dlsym(RTLD_DEFAULT, "strata_heap_free");
  reset = (void (*)(Heap*))dlsym(RTLD_DEFAULT, "strata_heap_reset");
  destroy = (void (*)(Heap*))dlsym(RTLD_DEFAULT, "strata_heap_destroy");
  if (create == NULL) skip("it runs on another malloc than Strata's");

  for (int i = 0; i < kHeaps; ++i) {
    heaps[i] =
        i == kObjects ? create_pool(kNames[i], kObject, 8, kLimit) : create(kNames[i], (size_t)-1);
    must(heaps[i] != NULL);
  }
  Heap* const gone = create("gone", (size_t)-1);
  for (int i = 0; i < kBlocks; ++i) {
    filled(gone, 100);
    filled(heaps[kReset], 200);
    must(malloc(48) != NULL);
  }
  filled(gone, kRun);
  filled(gone, 5000);
  destroy(gone);
  reset(heaps[kReset]);
  // What is known of units that were given back is there from now on.
  malloc_trim(0);

  pthread_t thread;
  must(pthread_create(&thread, NULL, fill, blocks[0]) == 0);
  fill(blocks[1]);
  must(pthread_join(thread, NULL) == 0);
  for (int i = 0; i < 2 * kBlocks; ++i) {
    Byte* const block = blocks[i / kBlocks][i % kBlocks];
    if (block != NULL) count(kParser, block);
  }
  make_runs();
  for (void* object; (object = take_object(heaps[kObjects])) != NULL;) count(kObjects, object);
  for (int i = 1; i < kRefused; ++i) must(take_object(heaps[kObjects]) == NULL);
  for (int i = 0; i < 10; ++i) count(kOdd, filled(heaps[kOdd], 1000));

  for (int i = 0; i < kHeaps; ++i) {
    state(numbered("heap.%d.name", i), kNames[i]);
    state(numbered("heap.%d.live", i), live[i]);
    state(numbered("heap.%d.bytes", i), live_bytes[i]);
  }
  state("heaps", kHeaps);
  state("parser.runs", kRuns);
  state("parser.run_bytes", run_bytes);
  state("objects.limit", kLimit);
  state("objects.refused", kRefused);
  state("gone.name", "gone");
  ready();

  const size_t untrimmed = anonymous_rss();
  malloc_trim(0);
  const size_t before = anonymous_rss();
  state("trim.released", untrimmed - before);
  ready();

  for (int i = 0; i < kHeaps; ++i) {
    if (i % 2 == 0) {
      reset(heaps[i]);
    } else {
      destroy(heaps[i]);
    }
  }
  malloc_trim(0);
  state("rss_anon.before", before);
  state("rss_anon.after", anonymous_rss());
  ready();
}
