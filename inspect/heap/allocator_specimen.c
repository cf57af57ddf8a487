// A program whose heap is known: it says where its blocks lie, which memory is none of the
// allocator's, and what the allocator itself counts. Built by the tests of the heap readers, and
// run with whichever allocator is to be recognised.
//
//     allocator_specimen THREADS LARGE [fence-brk | checkered COUNT]
//
// prints: block ADDRESS SIZE …, foreign ADDRESS SIZE …, count NAME VALUE …, ready; and ends when
// its stdin does. With fence-brk, brk fails after the first block. With checkered, it also takes
// COUNT blocks of 16 KiB and gives back every second; it touches none of them.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { kThreads = 16, kPerThread = 3000, kSampled = 64 };
static struct {
  char* at;
  size_t size;
} sampled[kThreads][kPerThread / kSampled + 1];
static pthread_barrier_t filled;

static void* fill(void* number) {
  const long thread = (long)number;
  for (int i = 0; i < kPerThread; i++) {
    const size_t size = 16 + (size_t)(i * 7919 + thread * 31) % 5000;
    char* const block = malloc(size);
    memset(block, 1, size);
    if (i % kSampled == 0) {
      sampled[thread][i / kSampled].at = block;
      sampled[thread][i / kSampled].size = size;
    } else if (i % 3 == 0) {
      free(block);
    }
  }
  pthread_barrier_wait(&filled);
  while (pause() < 0) {
  }
  return NULL;
}

// Fences on both sides keep it a mapping of its own, the most tempting shape.
static char* foreign(size_t size) {
  char* const all = mmap(NULL, size + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  mprotect(all + 4096, size, PROT_READ | PROT_WRITE);
  printf("foreign %p %zu\n", (void*)(all + 4096), size);
  return all + 4096;
}

static void checker(size_t count) {
  char** const blocks =
      mmap(NULL, count * sizeof *blocks, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (size_t i = 0; i < count; i++) blocks[i] = malloc(16384);
  for (size_t i = 0; i < count; i += 2) free(blocks[i]);
  printf("block %p %d\n", (void*)blocks[1], 16384);
  munmap(blocks, count * sizeof *blocks);
}

static void print_counts(void) {
  int (*const mallctl)(const char*, void*, size_t*, void*, size_t) =
      (int (*)(const char*, void*, size_t*, void*, size_t))dlsym(RTLD_DEFAULT, "mallctl");
  int (*const property)(const char*, size_t*) =
      (int (*)(const char*, size_t*))dlsym(RTLD_DEFAULT, "MallocExtension_GetNumericProperty");
  void (*const process)(size_t*, size_t*, size_t*, size_t*, size_t*, size_t*, size_t*, size_t*) =
      (void (*)(size_t*, size_t*, size_t*, size_t*, size_t*, size_t*, size_t*, size_t*))dlsym(
          RTLD_DEFAULT, "mi_process_info");
  size_t value;
  size_t size = sizeof value;
  if (process != NULL) {
    size_t other;
    process(&other, &other, &other, &other, &other, &value, &other, &other);
    printf("count committed %zu\n", value);
  } else if (mallctl != NULL) {
    uint64_t epoch = 1;
    size_t epoch_size = sizeof epoch;
    mallctl("epoch", &epoch, &epoch_size, &epoch, epoch_size);
    mallctl("stats.mapped", &value, &size, NULL, 0);
    printf("count mapped %zu\n", value);
    mallctl("stats.retained", &value, &size, NULL, 0);
    printf("count retained %zu\n", value);
  } else if (property != NULL) {
    property("generic.heap_size", &value);
    printf("count heap_size %zu\n", value);
    property("tcmalloc.pageheap_free_bytes", &value);
    printf("count free %zu\n", value);
  } else {
    const struct mallinfo2 all = mallinfo2();
    printf("count mmapped %zu\n", all.hblkhd);
    printf("count arenas %zu\n", all.arena);
  }
}

int main(int argc, char** argv) {
  const long threads = argc > 1 ? atol(argv[1]) : 0;
  const int large = argc > 2 ? atoi(argv[2]) : 0;
  if (threads > kThreads) return 1;
  static char buffer[1 << 16];  // so that stdio takes no block
  setvbuf(stdout, buffer, _IOFBF, sizeof buffer);

  if (argc > 3 && strcmp(argv[3], "fence-brk") == 0) {
    printf("block %p 1\n", malloc(1));
    mmap(sbrk(0), 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  }
  pthread_barrier_init(&filled, NULL, (unsigned)threads + 1);
  for (long i = 0; i < threads; i++) {
    pthread_t thread;
    pthread_create(&thread, NULL, fill, (void*)i);
  }
  pthread_barrier_wait(&filled);
  for (long t = 0; t < threads; t++) {
    for (size_t i = 0; i * kSampled < kPerThread; i++) {
      printf("block %p %zu\n", (void*)sampled[t][i].at, sampled[t][i].size);
    }
  }
  for (int i = 0; i < 20000; i++) {
    const size_t size = 16 + (size_t)i % 700;
    char* const block = malloc(size);
    block[0] = 1;
    if (i % 200 == 0) {
      printf("block %p %zu\n", (void*)block, size);
    } else if (i % 4 == 0) {
      free(block);
    }
  }
  char* released = NULL;
  for (int i = 0; i < large; i++) {
    const size_t size = 200000 + 50000 * (size_t)i;
    char* const block = malloc(size);
    block[0] = 1;
    if (i == large / 2) {
      released = block;
    } else {
      printf("block %p %zu\n", (void*)block, size);
    }
    void* aligned = NULL;
    if (i == 1 && posix_memalign(&aligned, 65536, 300000) == 0) {
      *(char*)aligned = 1;
      printf("block %p %d\n", aligned, 300000);
    }
  }
  free(released);  // a hole among neighbours
  if (argc > 3 && strncmp(argv[3], "checkered ", 10) == 0) checker(strtoul(argv[3] + 10, NULL, 10));

  // What is not the allocator's: random words, a mapping that begins as a chunk of glibc's would,
  // and copies of pages of a real block.
  uint64_t* const noise = (uint64_t*)foreign(1 << 20);
  uint64_t state = 88172645463325252u;
  for (size_t i = 0; i < (1 << 20) / 8; i++) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    noise[i] = state;
  }
  const size_t kTempting = 272 * 1024;
  uint64_t* const tempting = (uint64_t*)foreign(kTempting);
  tempting[1] = kTempting | 2;
  char* const twin = foreign(64 * 1024);
  char* const block = malloc(60 * 1024);
  memset(block, 7, 60 * 1024);
  printf("block %p %d\n", (void*)block, 60 * 1024);
  memcpy(twin, (char*)((uintptr_t)block & ~(uintptr_t)4095), 32 * 1024);

  print_counts();
  printf("ready\n");
  fflush(stdout);
  char end;
  while (read(STDIN_FILENO, &end, 1) > 0) {
  }
  _exit(0);
}
