#include "base/huge_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <new>

namespace strata {
namespace {

#ifndef MADV_POPULATE_WRITE
constexpr int MADV_POPULATE_WRITE = 23;  // Linux 5.14; before, nothing is made ready
#endif

constexpr Bytes kMostReady = 512_MiB;

std::mutex mutex;
char* ready = nullptr;  // what is not taken yet
std::size_t ready_bytes = 0;

char* map(std::size_t bytes) {
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return nullptr;
  madvise(memory, bytes, MADV_HUGEPAGE);
  return static_cast<char*>(memory);
}

}  // namespace

void* take_huge_memory(std::size_t bytes) {
  {
    const std::lock_guard lock(mutex);
    if (bytes <= ready_bytes) {
      char* const taken = ready;
      ready += bytes;
      ready_bytes -= bytes;
      return taken;
    }
  }
  char* const memory = map(bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

void give_back_huge_memory(void* memory, std::size_t bytes) { munmap(memory, bytes); }

Bytes spare_memory(Bytes wanted) {
  const auto pages = static_cast<std::uint64_t>(std::max(sysconf(_SC_AVPHYS_PAGES), 0L));
  return std::min({wanted, Bytes{page_size().value * pages / 8}, kMostReady});
}

ReadyMemory::ReadyMemory(Bytes bytes) {
  const std::size_t size = round_up(bytes, Bytes{kHugePage}).value;
  if (size == 0) return;
  // One more, to begin where a huge page can.
  char* const memory = map(size + kHugePage);
  if (memory == nullptr) return;
  const auto past = reinterpret_cast<std::uintptr_t>(memory) % kHugePage;
  const std::size_t before = past == 0 ? 0 : kHugePage - past;
  if (before > 0) munmap(memory, before);
  munmap(memory + before + size, kHugePage - before);
  madvise(memory + before, size, MADV_POPULATE_WRITE);
  const std::lock_guard lock(mutex);
  ready = memory + before;
  ready_bytes = size;
}

ReadyMemory::~ReadyMemory() {
  const std::lock_guard lock(mutex);
  if (ready_bytes > 0) munmap(ready, ready_bytes);
  ready = nullptr;
  ready_bytes = 0;
}

}  // namespace strata
