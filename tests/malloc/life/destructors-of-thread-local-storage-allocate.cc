// destructors-of-thread-local-storage-allocate - of C++ objects and of keys, again and again, in an
// order that nobody knows; then libc frees what the thread had of its own.
#include <memory>
#include <string>
#include <vector>

#include "churn.h"

static pthread_key_t early_key, late_keys[20];

struct Local {
  std::vector<std::unique_ptr<char[]>> blocks;
  ~Local() {
    blocks.clear();
    churn(5, 50);
    std::string text(3000, 'x');
    opaque(text.data());
  }
};
static thread_local Local local;

static void again(void* value) {
  auto* const count = static_cast<int*>(value);
  churn(static_cast<uint64_t>(*count), 50);
  auto* const next = static_cast<int*>(malloc(sizeof(int)));
  *next = *count + 1;
  free(count);
  // In the last round that there may be, a value that is set is lost: nobody frees it.
  if (*next >= PTHREAD_DESTRUCTOR_ITERATIONS)
    free(next);
  else
    pthread_setspecific(early_key, next);
}
static void free_it(void* value) { free(value); }

static void use() {
  for (int i = 0; i < 30; ++i) local.blocks.push_back(std::make_unique<char[]>(100 + i * 50));
  auto* const count = static_cast<int*>(malloc(sizeof(int)));
  *count = 0;
  pthread_setspecific(early_key, count);
  for (const pthread_key_t key : late_keys) pthread_setspecific(key, strdup("a value"));
  // libc keeps these for the thread and frees them after all destructors.
  opaque(strerror(12345));
  opaque(strsignal(150));
  opaque(dlsym(RTLD_DEFAULT, "there is no such name"));
  opaque(dlerror());
}

int main() {
  expect(pthread_key_create(&early_key, again) == 0);
  for (pthread_key_t& key : late_keys) expect(pthread_key_create(&key, free_it) == 0);
  for (int round = 0; round < 300; ++round) {
    pthread_t threads[3];
    for (pthread_t& thread : threads) {
      expect(pthread_create(
                 &thread, nullptr, [](void*) -> void* { return use(), nullptr; }, nullptr) == 0);
    }
    for (const pthread_t thread : threads) expect(pthread_join(thread, nullptr) == 0);
  }
  use();
}
