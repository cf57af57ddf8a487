// a-heap-serves-cxx-containers - std::pmr's, and others by an allocator: all of theirs comes from
// the heap, goes back to it, and is gone at once with it; beyond its limit they throw bad_alloc.
#include "../heaps.h"
// The rest of the test's includes stands behind what declares the functions weak.
#include <strata/memory_resource.h>

#include <list>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace {

void of_pmr() {
  strata::heap_resource resource("pmr", 16 << 20);
  {
    std::pmr::map<std::pmr::string, std::pmr::vector<int>> words(&resource);
    for (int i = 0; i < 5000; ++i) {
      std::pmr::string word(static_cast<std::size_t>(20 + i % 50), 'x', &resource);
      word += std::to_string(i).c_str();
      words[word].assign(static_cast<std::size_t>(i % 100), i);
      expect(strata_heap_of(words.find(word)->first.c_str()) == resource.heap());
    }
    expect(words.size() == 5000 && words.begin()->second.get_allocator().resource() == &resource);
    expect(figures_of(resource.heap()).live_blocks > 10'000);
    struct alignas(256) Wide {
      char bytes[256];
    };
    std::pmr::vector<Wide> wide(10, &resource);
    expect(reinterpret_cast<std::uintptr_t>(wide.data()) % 256 == 0);
  }
  expect(figures_of(resource.heap()).live_blocks == 0);
  std::pmr::vector<char> much(&resource);
  bool caught = false;
  try {
    much.resize(32 << 20);
  } catch (const std::bad_alloc&) {
    caught = true;
  }
  expect(caught && much.empty());
  strata::heap_resource same(resource.heap());
  strata::heap_resource other("other");
  expect(same == resource && !(other == resource));
  expect(!(other == *std::pmr::new_delete_resource()));
  (void)other.allocate(100);
  other.release();
  expect(figures_of(other.heap()).live_blocks == 0);
}

template <class T>
using Allocator = strata::heap_allocator<T>;

void of_an_allocator() {
  strata_heap* const one = strata_heap_create("one", STRATA_NO_LIMIT);
  strata_heap* const two = strata_heap_create("two", STRATA_NO_LIMIT);
  {
    using Entry = std::pair<const int, int>;
    std::map<int, int, std::less<>, Allocator<Entry>> tree(std::less<>{}, Allocator<Entry>(one));
    for (int i = 0; i < 1000; ++i) tree[i] = i;
    expect(figures_of(one).live_blocks >= 1000);
    std::list<int, Allocator<int>> first(Allocator<int>{one}), second(Allocator<int>{two});
    first.assign(10, 1);
    second.assign(20, 2);
    std::swap(first, second);
    expect(first.size() == 20 && first.get_allocator() == Allocator<long>(two));
    second = first;
    expect(second.get_allocator().heap() == two && figures_of(two).live_blocks == 40);
    first = std::move(second);
    expect(first.get_allocator() != Allocator<int>(one));
    std::vector<int, Allocator<int>> vector(Allocator<int>{two});
    bool caught = false;
    try {
      (void)vector.get_allocator().allocate(static_cast<std::size_t>(-1) / 2);
    } catch (const std::bad_alloc&) {
      caught = true;
    }
    expect(caught);
  }
  expect(figures_of(one).live_blocks == 0 && figures_of(two).live_blocks == 0);
  strata_heap_destroy(one);
  strata_heap_destroy(two);
}

}  // namespace

int main() {
  of_pmr();
  of_an_allocator();
}
