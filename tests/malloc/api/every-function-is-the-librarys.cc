// every-function-is-the-librarys - what a program may call is all from one allocator: a single
// function left to libc would hand its block to the other's free.
#include "../expect.h"

static const char* const kNames[] = {"malloc",
                                     "free",
                                     "calloc",
                                     "realloc",
                                     "reallocarray",
                                     "aligned_alloc",
                                     "memalign",
                                     "posix_memalign",
                                     "valloc",
                                     "pvalloc",
                                     "malloc_usable_size",
                                     "mallopt",
                                     "mallinfo",
                                     "mallinfo2",
                                     "malloc_stats",
                                     "malloc_info",
                                     "malloc_trim"};
// C23's; libc may lack them, the library may not.
static const char* const kNewerNames[] = {"free_sized", "free_aligned_sized"};
// operator new, new[], delete, delete[]; each plain, sized, aligned and nothrow as far as it
// exists.
static const char* const kOperators[] = {"_Znwm",
                                         "_Znam",
                                         "_ZnwmRKSt9nothrow_t",
                                         "_ZnamRKSt9nothrow_t",
                                         "_ZnwmSt11align_val_t",
                                         "_ZnamSt11align_val_t",
                                         "_ZnwmSt11align_val_tRKSt9nothrow_t",
                                         "_ZnamSt11align_val_tRKSt9nothrow_t",
                                         "_ZdlPv",
                                         "_ZdaPv",
                                         "_ZdlPvm",
                                         "_ZdaPvm",
                                         "_ZdlPvRKSt9nothrow_t",
                                         "_ZdaPvRKSt9nothrow_t",
                                         "_ZdlPvSt11align_val_t",
                                         "_ZdaPvSt11align_val_t",
                                         "_ZdlPvmSt11align_val_t",
                                         "_ZdaPvmSt11align_val_t",
                                         "_ZdlPvSt11align_val_tRKSt9nothrow_t",
                                         "_ZdaPvSt11align_val_tRKSt9nothrow_t"};

// No header has had cfree since glibc 2.26; programs built before still call it, as here.
#if defined(__x86_64__) && defined(__GLIBC__)
#define HAS_CFREE 1
extern "C" void old_cfree(void*);
__asm__(".symver old_cfree, cfree@GLIBC_2.2.5");
static void (*volatile cfree_called)(void*) = old_cfree;
#endif

static int foreign = 0;
static void check(const char* name, const char* library) {
  if (strcmp(file_of(name), library) == 0) return;
  dprintf(2, "%s comes from %s\n", name, *file_of(name) ? file_of(name) : "nowhere");
  ++foreign;
}

int main() {
  const char* const library = file_of("malloc");
  const char* const preloaded = getenv("STRATA_MALLOC_LIB");
  for (const char* name : kNames) check(name, library);
  if (preloaded && *preloaded) {
    for (const char* name : kNewerNames) check(name, library);
    for (const char* name : kOperators) check(name, library);
  }
#ifdef HAS_CFREE
  Dl_info found;
  expect(dladdr((void*)cfree_called, &found));
  if (strcmp(found.dli_fname, library) != 0) {
    dprintf(2, "cfree comes from %s\n", found.dli_fname);
    ++foreign;
  }
#endif
  expect(foreign == 0);
}
