// bench/bare-list.cc - the floor under a malloc's hot pair: a thread's own list of free blocks,
// behind a shared library's PLT as malloc is. Nothing is checked, counted or sized, and a list that
// is empty has no way to get more.
#include "bench/bare-list.h"

namespace {

struct Block {
  Block* next;
};

[[gnu::tls_model("initial-exec")]] constinit thread_local Block* first = nullptr;

}  // namespace

void* bare_take() {
  Block* const block = first;
  if (block == nullptr) return nullptr;
  first = block->next;
  return block;
}

void bare_give(void* memory) {
  auto* const block = static_cast<Block*>(memory);
  block->next = first;
  first = block;
}
