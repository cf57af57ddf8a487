#include "malloc/thread.h"

#include <pthread.h>
#include <unistd.h>

#include <atomic>

#include "malloc/arena.h"
#include "malloc/background.h"
#include "malloc/cache.h"
#include "malloc/heap.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

constinit std::atomic<pthread_key_t> key{0};  // one more than it; 0 is none

/// A thread's other destructors may allocate after this one; then it is called once more.
void end_thread(void*) { cache.end(); }

void before_fork() {
  Heap::lock_all();
  samples.lock().lock();
  Arena::list_lock().lock();
  for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) arena->lock().lock();
  space.small.lock().lock();
  space.medium.lock().lock();
  space.pages.lock().lock();
  space.metadata_lock().lock();
  holds_all_locks = true;
}

void after_fork_in_parent() {
  holds_all_locks = false;
  space.metadata_lock().unlock();
  space.pages.lock().unlock();
  space.medium.lock().unlock();
  space.small.lock().unlock();
  for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
    arena->lock().unlock();
  }
  Arena::list_lock().unlock();
  samples.lock().unlock();
  Heap::unlock_all();
}

/// Who waits for a lock is not there any more.
void after_fork_in_child() {
  holds_all_locks = false;
  space.metadata_lock().reset();
  space.pages.lock().reset();
  space.medium.lock().reset();
  space.small.lock().reset();
  for (Arena* arena = Arena::first(); arena != nullptr; arena = arena->next()) {
    arena->lock().reset();
  }
  Arena::list_lock().reset();
  Heap::reset_locks();
  samples.lock().reset();
  Arena::leave_all_but(cache.arena());
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
      gettid() == getpid()) {
    return;
  }
  if (has_key()) pthread_setspecific(key.load(std::memory_order_relaxed) - 1, &cache);
}

}  // namespace strata::alloc
