// base/huge_memory.h - memory for large arrays: zeroed, and of huge pages where the kernel gives
// them.
//
// The kernel clears a page when it is first touched, and a virtual machine may first have to get it
// from its host: 100 MB can take a fifth of a second. Where that must not be waited for, so much is
// made ready before.
//
// Errors  std::bad_alloc where the address space is used up.
// Threads any number at once.
#pragma once

#include <cstddef>

#include "base/units.h"

namespace strata {

inline constexpr std::size_t kHugePage = std::size_t{2} << 20;

/// `bytes` is a multiple of kHugePage, in both.
void* take_huge_memory(std::size_t bytes);
void give_back_huge_memory(void* memory, std::size_t bytes);

/// `wanted`, or less where this machine has little that is free.
Bytes spare_memory(Bytes wanted);

/// While it lives, up to `bytes` that are taken are ready, cleared and all. One at a time.
class ReadyMemory {
 public:
  explicit ReadyMemory(Bytes bytes);
  ~ReadyMemory();
  ReadyMemory(const ReadyMemory&) = delete;
  ReadyMemory& operator=(const ReadyMemory&) = delete;
};

}  // namespace strata
