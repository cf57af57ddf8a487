#include "malloc/thread.h"

#include <pthread.h>

#include <atomic>

#include "malloc/arena.h"
#include "malloc/background.h"
#include "malloc/cache.h"
#include "malloc/heap.h"
#include "malloc/os.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

constinit std::atomic<pthread_key_t> key{0};  // one more than it; 0 is none

/// A thread's other destructors may allocate after this one; then it is called once more.
void end_thread(void*) { cache.end(); }

/// All but those of heaps, in the order in which they are taken.
template <class Do>
void for_each_lock(Do what) {
  what(samples.lock());
  what(Arena::list_lock());
  for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) what(arena->lock());
  what(space.small.lock());
  what(space.medium.lock());
  what(space.pages.lock());
  what(space.metadata_lock());
}

void before_fork() {
  Heap::claim_locks();
  for_each_lock([](Lock& lock) { lock.claim(); });
  ++forks_under_way;
}

void after_fork_in_parent() {
  --forks_under_way;
  for_each_lock([](Lock& lock) { lock.leave(); });
  Heap::leave_locks();
}

void after_fork_in_child() {
  --forks_under_way;
  // Until all are left this thread goes by its parent's number, should a signal come that forks.
  const std::uint32_t self = os::this_thread();
  for_each_lock([self](Lock& lock) { lock.leave_in_child(self); });
  Heap::leave_locks_in_child(self);
  thread_number = self;
  // The list stays as it is where this thread was at work on it when a signal came.
  if (Arena::list_lock().try_lock()) {
    Arena::leave_all_but(cache.arena());
    Arena::list_lock().unlock();
  }
  forget_background();
}

/// False where all keys are taken: then, at its end, what a thread's cache holds is lost.
bool has_key() {
  if (key.load(std::memory_order_acquire) != 0) return true;
  pthread_key_t made = 0;
  if (pthread_key_create(&made, end_thread) != 0) return false;
  pthread_key_t none = 0;
  if (!key.compare_exchange_strong(none, made + 1, std::memory_order_acq_rel)) {
    pthread_key_delete(made);
  }
  return true;
}

}  // namespace

void watch_forks() { pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child); }

void note_thread() {
  // The first one that allocates has no need of it where it is the program's first, and those that
  // come later are others.
  static constinit std::atomic<bool> is_later{false};
  if (!is_later.load(std::memory_order_relaxed) && !is_later.exchange(true) &&
      this_thread() == os::this_process()) {
    return;
  }
  if (has_key()) pthread_setspecific(key.load(std::memory_order_relaxed) - 1, &cache);
}

}  // namespace strata::alloc
