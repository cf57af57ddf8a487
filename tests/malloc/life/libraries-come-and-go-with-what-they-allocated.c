// libraries-come-and-go-with-what-they-allocated - dlopen and dlclose in a loop, in several
// threads, of one that allocates when it comes, has thread-local storage, and frees when it goes.
// Guest
#include "churn.h"

static char guest[PATH_MAX];

static void* come_and_go(void* unused) {
  for (int round = 0; round < 200; ++round) {
    void* const library = dlopen(guest, round % 2 ? RTLD_NOW : RTLD_LAZY);
    expect(library);
    void* (*const make)(size_t) = (void* (*)(size_t))dlsym(library, "guest_make");
    expect(make);
    void* const block = make(1000);
    expect(dlclose(library) == 0);
    // The block is the program's now.
    expect(holds(block, 1000, 4));
    free(block);
    churn((uint64_t)round, 20);
  }
  return unused;
}

int main(void) {
  expect(realpath("/proc/self/exe", guest));
  strcpy(strrchr(guest, '/'), "/guest.so");
  come_and_go(NULL);
  pthread_t threads[3];
  for (int i = 0; i < 3; ++i) expect(pthread_create(&threads[i], NULL, come_and_go, NULL) == 0);
  for (int i = 0; i < 3; ++i) expect(pthread_join(threads[i], NULL) == 0);
}
