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

constinit pthread_key_t key = 0;

/// A thread's other destructors may allocate after this one; then it is called once more.
void end_thread(void*) { cache.end(); }

void before_fork() {
  Heap::lock_all();
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
  Arena::leave_all_but(cache.arena());
  forget_background();
}

void create_key() { pthread_key_create(&key, end_thread); }

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
  static constinit pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, create_key);
  pthread_setspecific(key, &cache);
}

}  // namespace strata::alloc
