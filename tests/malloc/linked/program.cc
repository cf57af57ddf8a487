// What is linked with the malloc, in every way there is, and looked at from outside: all of the
// family is from one allocator, and that is ours. It is C, and C++ where it is compiled as such.
//
// malloc_usable_size() of the Strata malloc ends the program where a block is not its own; and that
// it is the Strata malloc's, malloc_info() says.
#include <malloc.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>

#include "specimen.h"
#ifdef __cplusplus
#include <new>
#include <string>
#include <vector>
#endif

enum { kKept = 321, kKeptSize = 20000, kSize = 777 };
static void* kept[kKept];

static void own(void* block) { must(block != NULL && malloc_usable_size(block) > 0); }
static void own_and_free(void* block) {
  own(block);
  free(block);
}

static void be_the_strata_malloc(void) {
  char* text = NULL;
  size_t length = 0;
  FILE* const stream = open_memstream(&text, &length);
  must(stream != NULL && malloc_info(0, stream) == 0 && fclose(stream) == 0);
  must(strstr(text, "<total type=\"live\"") != NULL);
  own_and_free(text);
}

static void* allocate_all(void* unused) {
  volatile size_t size = kSize;
  own_and_free(malloc(size));
  own_and_free(calloc(size, 3));
  own_and_free(realloc(malloc(size), size * 100));
  own_and_free(reallocarray(NULL, size, 2));
  own_and_free(aligned_alloc(64, 640));
  own_and_free(memalign(256, size));
  own_and_free(valloc(size));
  own_and_free(pvalloc(size));
  void* block = NULL;
  must(posix_memalign(&block, 4096, size) == 0);
  own_and_free(block);
  own_and_free(strdup("what libc allocates"));
  char* line = NULL;
  must(asprintf(&line, "%zu", size) == 3);
  own_and_free(line);
  size = SIZE_MAX / 2 + 1;
  must(malloc(size) == NULL && errno == ENOMEM);
  return unused;
}

#ifdef __cplusplus
static int handled;
static void throw_again() {
  ++handled;
  throw std::bad_alloc();
}

template <class Allocate>
static bool throws(Allocate allocate) {
  try {
    operator delete(allocate());
  } catch (const std::bad_alloc&) {
    return true;
  }
  return false;
}

static void allocate_by_new() {
  volatile size_t huge = SIZE_MAX / 2 + 1;
  own_and_free(operator new(kSize));
  own_and_free(operator new[](kSize));
  own_and_free(operator new(kSize, std::align_val_t{128}));
  own_and_free(operator new(kSize, std::nothrow));
  operator delete(malloc(kSize));
  std::vector<std::string> texts(100, std::string(200, 'x'));
  for (std::string& text : texts) own(text.data());
  must(throws([=] { return operator new(huge); }));
  must(throws([=] { return operator new[](huge); }));
  must(throws([=] { return operator new(huge, std::align_val_t{64}); }));
  must(operator new(huge, std::nothrow) == NULL);
  // Asked, and what it throws goes no further.
  std::set_new_handler(throw_again);
  must(operator new(huge, std::nothrow) == NULL&& handled == 1);
  must(operator new[](huge, std::align_val_t{64}, std::nothrow) == NULL&& handled == 2);
  must(throws([=] { return operator new(huge); }) && handled == 3);
}
#endif

int main(void) {
  be_the_strata_malloc();
  allocate_all(NULL);
  pthread_t thread;
  must(pthread_create(&thread, NULL, allocate_all, NULL) == 0);
  must(pthread_join(thread, NULL) == 0);
  const pid_t child = fork();
  must(child >= 0);
  if (child == 0) _exit(allocate_all(&thread) == &thread ? 0 : 1);
  int status = 1;
  must(waitpid(child, &status, 0) == child && status == 0);
#ifdef __cplusplus
  allocate_by_new();
#endif
  // Of a size that the C library does not ask for by itself.
  for (int i = 0; i < kKept; ++i) {
    own(kept[i] = malloc(kKeptSize));
    memset(kept[i], 1, kKeptSize);
  }
  state_number("usable", malloc_usable_size(kept[0]));
  state_number("live", kKept);
  state_number("written", kKept * kKeptSize);
  ready();
}
