// A kernel that refuses: each call of mmap, munmap, madvise, mremap, mprotect and of pthread's
// fails in turn, alone, and with all that follow; while a script plays that does a bit of
// everything. malloc() gives memory or null and ENOMEM; contents stay, nobody crashes, and once the
// kernel gives again, so does malloc. Linked with --wrap, a program of its own: each run begins a
// heap in a child.
#include <errno.h>
#include <gtest/gtest.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdarg>
#include <cstring>
#include <random>

#include "malloc/block.h"
#include "malloc/census.h"
#include "malloc/decay.h"

namespace {

// In memory that children share, so that the parent learns how many calls there were.
struct Kernel {
  std::atomic<long> calls, first, end;  // calls from `first` to before `end` fail
  std::atomic<long> played, refused;
};
Kernel* kernel = nullptr;

bool refuses() {
  if (kernel == nullptr) return false;
  const long call = ++kernel->calls;
  if (call < kernel->first || call >= kernel->end) return false;
  ++kernel->refused;
  return true;
}

int refused_with(int error) {
  errno = error;
  return -1;
}

}  // namespace

extern "C" {
void* __real_mmap(void*, std::size_t, int, int, int, off_t);
int __real_munmap(void*, std::size_t);
int __real_madvise(void*, std::size_t, int);
int __real_mprotect(void*, std::size_t, int);
void* __real_mremap(void*, std::size_t, std::size_t, int, ...);
int __real_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int __real_pthread_key_create(pthread_key_t*, void (*)(void*));

void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
  if (!refuses()) return __real_mmap(at, bytes, protection, flags, file, offset);
  errno = ENOMEM;
  return MAP_FAILED;
}
int __wrap_munmap(void* at, std::size_t bytes) {
  return refuses() ? refused_with(ENOMEM) : __real_munmap(at, bytes);
}
int __wrap_madvise(void* at, std::size_t bytes, int advice) {
  return refuses() ? refused_with(ENOMEM) : __real_madvise(at, bytes, advice);
}
int __wrap_mprotect(void* at, std::size_t bytes, int protection) {
  return refuses() ? refused_with(ENOMEM) : __real_mprotect(at, bytes, protection);
}
void* __wrap_mremap(void* at, std::size_t bytes, std::size_t to, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  void* const place = va_arg(rest, void*);
  va_end(rest);
  if (!refuses()) return __real_mremap(at, bytes, to, flags, place);
  errno = ENOMEM;
  return MAP_FAILED;
}
int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*),
                          void* argument) {
  return refuses() ? EAGAIN : __real_pthread_create(thread, attributes, run, argument);
}
int __wrap_pthread_key_create(pthread_key_t* key, void (*destroy)(void*)) {
  return refuses() ? EAGAIN : __real_pthread_key_create(key, destroy);
}
}

namespace strata::alloc {
namespace {

constexpr std::size_t kKiB = 1024, kMiB = 1024 * kKiB;

[[noreturn]] void fail(const char* what, int line) {
  dprintf(2, "%s:%d: not so: %s\n", __FILE__, line, what);
  _exit(1);
}
#define HOLDS(condition) ((condition) ? void() : fail(#condition, __LINE__))

/// A block that bears its number on each page, and at both ends.
struct Block {
  unsigned char* at = nullptr;
  std::size_t bytes = 0;
  unsigned char number = 0;

  template <class Act>
  void each(std::size_t most, Act&& act) const {
    for (std::size_t i = 0; i < std::min(bytes, most); i += 4096) act(at[i]);
    if (most >= bytes) act(at[bytes - 1]);
  }
  void write() const {
    each(bytes, [&](unsigned char& byte) { byte = number; });
  }
  void check(std::size_t most) const {
    each(most, [&](unsigned char byte) { HOLDS(byte == number); });
  }
};

class Script {
 public:
  explicit Script(unsigned seed) : random_(seed) {}

  /// Some of all; false where a block was refused.
  bool play() {
    for (int i = 0; i < 300; ++i) take(1 + random_() % 1024);
    for (int i = 0; i < 60; ++i) take(1025 + random_() % 31'000);
    free_some();
    for (int i = 0; i < 12; ++i) take(32'769 + random_() % 500'000);
    take(9 * kMiB);
    take_zeroed(100);
    take_zeroed(3000);
    take_zeroed(200 * kKiB);
    for (std::size_t alignment = 32; alignment <= kMiB; alignment *= 8) {
      put(static_cast<unsigned char*>(answered([&] { return allocate_aligned(5000, alignment); })),
          5000, alignment);
    }
    grow(100, 300 * kKiB);
    grow(100 * kKiB, 6 * kMiB);
    run_thread();
    fork_child();
    free_some();
    purge_everything();
    decay();
    decay();
    take_zeroed(6 * kMiB);
    for (int i = 0; i < 200; ++i) take(500 + random_() % 700);
    while (count_ > 0) free_one(count_ - 1);
    decay();
    retreat();
    take(kMiB);
    take(20);
    while (count_ > 0) free_one(count_ - 1);
    return !is_refused_;
  }

 private:
  template <class Ask>
  void* answered(Ask ask) {
    errno = 77;
    void* const block = ask();
    HOLDS(errno == (block != nullptr ? 77 : ENOMEM));
    is_refused_ |= block == nullptr;
    return block;
  }
  void put(unsigned char* at, std::size_t bytes, std::size_t alignment = 16) {
    if (at == nullptr) return;
    HOLDS(reinterpret_cast<std::uintptr_t>(at) % alignment == 0);
    HOLDS(usable_size(at, "test") >= bytes);
    const Block block{at, bytes, ++number_};
    block.write();
    HOLDS(count_ < kMost);
    blocks_[count_++] = block;
  }
  void take(std::size_t bytes) {
    put(static_cast<unsigned char*>(answered([&] { return allocate(bytes); })), bytes);
  }
  void take_zeroed(std::size_t bytes) {
    auto* const at = static_cast<unsigned char*>(answered([&] { return allocate_zeroed(bytes); }));
    if (at == nullptr) return;
    for (std::size_t i = 0; i < bytes; ++i) HOLDS(at[i] == 0);
    put(at, bytes);
  }
  void grow(std::size_t from, std::size_t to) {
    take(from);
    if (count_ == 0) return;
    const std::size_t last = count_ - 1;
    while (blocks_[last].bytes < to) {
      const Block before = blocks_[last];
      const std::size_t bytes = before.bytes + before.bytes / 2;
      void* const at = answered([&] { return resize(before.at, bytes, "test"); });
      if (at == nullptr) return before.check(before.bytes);
      const Block now{static_cast<unsigned char*>(at), bytes, before.number};
      now.check(before.bytes - 1);
      now.write();
      blocks_[last] = now;
    }
    Block& block = blocks_[last];
    void* const at = answered([&] { return resize(block.at, from, "test"); });
    if (at == nullptr) return;
    block = {static_cast<unsigned char*>(at), from, block.number};
    block.check(from - 1);
    block.write();
  }
  void free_one(std::size_t i) {
    blocks_[i].check(blocks_[i].bytes);
    errno = 78;
    release(blocks_[i].at);
    HOLDS(errno == 78);
    blocks_[i] = blocks_[--count_];
  }
  void free_some() {
    for (std::size_t i = count_; i > 0; --i) {
      if (random_() % 3 != 0) free_one(i - 1);
    }
  }
  /// A thread that allocates, and frees what is not its own.
  void run_thread() {
    pthread_t thread;
    const auto work = [](void* argument) -> void* {
      auto* const script = static_cast<Script*>(argument);
      for (int i = 0; i < 100; ++i) script->take(script->random_() % 3000);
      for (int i = 0; i < 100 && script->count_ > 0; ++i) script->free_one(script->count_ / 2);
      return nullptr;
    };
    HOLDS(__real_pthread_create(&thread, nullptr, work, this) == 0);
    HOLDS(pthread_join(thread, nullptr) == 0);
  }
  void fork_child() {
    const pid_t child = fork();
    HOLDS(child >= 0);
    if (child == 0) {
      for (int i = 0; i < 50; ++i) take(random_() % 10'000);
      while (count_ > 0) free_one(count_ - 1);
      _exit(0);
    }
    int status = -1;
    HOLDS(waitpid(child, &status, 0) == child);
    HOLDS(status == 0);
  }

  static constexpr std::size_t kMost = 1000;
  Block blocks_[kMost];
  std::size_t count_ = 0;
  unsigned char number_ = 0;
  bool is_refused_ = false;
  std::minstd_rand random_;
};

/// In a child: the script while calls from `first` to before `end` fail, and then once more.
int play_in_child(long first, long end) {
  kernel->calls = kernel->refused = 0;
  kernel->first = first;
  kernel->end = end;
  const pid_t child = fork();
  if (child == 0) {
    alarm(60);
    {
      static Script script(7);
      script.play();
    }
    kernel->first = kernel->end = 0;
    kernel->played = kernel->calls.load();
    static Script again(8);
    HOLDS(again.play());
    static Census census;
    take_census(census);
    HOLDS(census.all_live().blocks == 0);
    _exit(0);
  }
  int status = -1;
  waitpid(child, &status, 0);
  return status;
}

class FailingKernel : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    kernel = static_cast<Kernel*>(__real_mmap(nullptr, sizeof(Kernel), PROT_READ | PROT_WRITE,
                                              MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_EQ(play_in_child(0, 0), 0);
    calls = kernel->played;
    ASSERT_GT(calls, 30);
  }
  /// Each of the first calls, when what is needed once is had; then some of them.
  static long next(long call) { return call + std::max(1L, call / 25); }

  static inline long calls = 0;
};

TEST_F(FailingKernel, RefusesOneCall) {
  for (long call = 1; call <= calls; call = next(call)) {
    EXPECT_EQ(play_in_child(call, call + 1), 0) << "call " << call << " of " << calls;
  }
}

TEST_F(FailingKernel, RefusesSomeCalls) {
  for (long call = 1; call <= calls; call = next(call)) {
    EXPECT_EQ(play_in_child(call, call + 10), 0) << "call " << call << " of " << calls;
  }
}

TEST_F(FailingKernel, RefusesAllCallsFromOneOn) {
  for (long call = 1; call <= calls; call = next(call)) {
    EXPECT_EQ(play_in_child(call, calls * 100), 0) << "call " << call << " of " << calls;
    // Where hardened, chance has a part in how many there are.
    if (call <= calls / 2) EXPECT_GT(kernel->refused, 0) << "call " << call << " of " << calls;
  }
}

}  // namespace
}  // namespace strata::alloc
