// tests/malloc/model.cc - an allocator against a model of what it promises, at random.
//
//   model [--seed N] [--operations N] [--threads N] [--no-map] [--forks] [--alignment N]
//
// Each of N operations allocates, grows, frees or hands over a block, of 0 bytes to 64 MiB. Held
// against the model: live blocks never overlap (--no-map: as far as patterns show it), are aligned,
// keep what was written to them, are as large as they say, and calloc's are zero. Threads hand
// blocks to each other through boxes, and end after every quarter while their blocks live on; with
// --forks children check and free what they inherited. Blocks under 16 bytes may be
// aligned to --alignment only, as some allocators do. The seed is printed; one thread does the
// same again by it. What the model itself keeps is mapped, not allocated.
#include <sys/random.h>

#include <cinttypes>
#include <cstdint>
#include <functional>
#include <iterator>
#include <map>
#include <mutex>
#include <string_view>

#include "expect.h"

namespace {

constexpr std::size_t kSlots = 2000;                         // blocks that a thread can hold
constexpr std::size_t kBoxes = 64;                           // places to hand a block over
constexpr std::size_t kLiveBytes = 256 * std::size_t{kMiB};  // of all threads together
constexpr std::size_t kThreads = 8;

struct Options {
  std::uint64_t seed = 0;
  long operations = 100000;
  unsigned threads = 1;
  bool map = true;
  bool forks = false;
  std::size_t alignment = 16;
};
Options options;

[[noreturn]] void broken(const char* what, const void* block, std::size_t size) {
  dprintf(2, "seed %" PRIu64 ", %u threads: %s: block %p of %zu bytes\n", options.seed,
          options.threads, what, block, size);
  _exit(1);
}

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {}
  std::uint64_t operator()() {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du >> 16;
  }
  std::size_t below(std::size_t end) { return (*this)() % end; }

 private:
  std::uint64_t state_;
};

// As programs ask: most are small, sizes repeat, and a few are very large.
std::size_t random_size(Random& random) {
  const std::size_t kind = random.below(100000);
  if (kind < 200) return 0;
  if (kind < 40000) return random.below(8) * 16 + 24;
  if (kind < 70000) return random.below(256) + 1;
  if (kind < 90000) return random.below(4096) + 1;
  if (kind < 98000) return random.below(64 * kKiB) + 1;
  if (kind < 99800) return random.below(kMiB) + 1;
  if (kind < 99985) return random.below(8 * kMiB) + 1;
  return random.below(64 * kMiB) + 1;
}

struct Block {
  unsigned char* bytes = nullptr;
  std::size_t size = 0;
  std::uint64_t tag = 0;
};

// Calls `visit` with the places of a block that are written and checked: all of a small one; of a
// large one both ends and a word on some of its pages.
template <class Visit>
void places(std::size_t size, Visit visit) {
  constexpr std::size_t kEnd = 256;
  if (size <= 4 * kEnd) return visit(0, size);
  visit(0, kEnd);
  const std::size_t step = size <= 64 * kKiB ? 4096 : (size / 16) & ~std::size_t{4095};
  for (std::size_t at = 4096; at + kEnd + 8 < size; at += step) visit(at, at + 8);
  visit(size - kEnd, size);
}
unsigned char pattern(std::uint64_t tag, std::size_t at) {
  return static_cast<unsigned char>((tag + at) * 0x9e3779b97f4a7c15u >> 56);
}
void write_pattern(const Block& block) {
  places(block.size, [&](std::size_t at, std::size_t end) {
    for (; at < end; ++at) block.bytes[at] = pattern(block.tag, at);
  });
}
// Of a block that was `written` bytes long and now has at least `size`.
void check_pattern(const Block& block, std::size_t written, std::size_t size) {
  places(written, [&](std::size_t at, std::size_t end) {
    for (; at < end && at < size; ++at) {
      if (block.bytes[at] != pattern(block.tag, at))
        broken("its contents changed", block.bytes, written);
    }
  });
}
void check_zero(const Block& block) {
  const std::size_t step = block.size <= 256 * kKiB ? 1 : 61;
  for (std::size_t at = 0; at < block.size; at += step) {
    if (block.bytes[at]) broken("calloc's is not zero", block.bytes, block.size);
  }
}

// Nodes of one size, from mappings.
template <class T>
struct Mapped {
  using value_type = T;
  Mapped() = default;
  template <class U>
  Mapped(const Mapped<U>&) {}
  T* allocate(std::size_t) {
    if (!unused_) {
      constexpr std::size_t kNodes = 4096;
      void* const chunk = mmap(nullptr, kNodes * sizeof(Node), PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      expect(chunk != MAP_FAILED);
      for (std::size_t i = 0; i < kNodes; ++i) put_back(static_cast<Node*>(chunk) + i);
    }
    Node* const node = unused_;
    unused_ = node->next;
    return reinterpret_cast<T*>(node);
  }
  void deallocate(T* node, std::size_t) { put_back(reinterpret_cast<Node*>(node)); }

 private:
  union Node {
    Node* next;
    alignas(T) unsigned char room[sizeof(T)];
  };
  static void put_back(Node* node) {
    node->next = unused_;
    unused_ = node;
  }
  static inline Node* unused_ = nullptr;
};
template <class T, class U>
bool operator==(const Mapped<T>&, const Mapped<U>&) {
  return true;
}

// All live blocks by address. A block enters after malloc has returned and leaves before free is
// called, so that two that overlap here did overlap.
class Ranges {
 public:
  void add(const unsigned char* bytes, std::size_t size) {
    if (!options.map) return;
    const auto begin = reinterpret_cast<std::uintptr_t>(bytes);
    const std::uintptr_t end = begin + (size ? size : 1);
    const std::lock_guard lock(mutex_);
    const auto next = ends_.lower_bound(begin);
    if (next != ends_.end() && next->first < end)
      broken("it overlaps the block behind", bytes, size);
    if (next != ends_.begin() && std::prev(next)->second > begin) {
      broken("it overlaps the block before", bytes, size);
    }
    ends_.emplace_hint(next, begin, end);
  }
  void remove(const unsigned char* bytes) {
    if (!options.map) return;
    const std::lock_guard lock(mutex_);
    ends_.erase(reinterpret_cast<std::uintptr_t>(bytes));
  }

 private:
  using Item = std::pair<const std::uintptr_t, std::uintptr_t>;
  std::mutex mutex_;
  std::map<std::uintptr_t, std::uintptr_t, std::less<>, Mapped<Item>> ends_;
};
Ranges ranges;

struct Box {
  std::mutex mutex;
  Block block;
};
Box boxes[kBoxes];

struct Worker {
  Random random{0};
  long operations = 0;
  std::size_t live = 0;  // bytes in slots
  std::uint64_t next_tag = 0;
  bool alone = false;  // in a forked child
  Block slots[kSlots];

  void run();
  void allocate(Block& block);
  void grow_or_shrink(Block& block);
  void release(Block& block);
  void hand_over(Block& block);
  void fork_and_look();
  void accept(Block& block, std::size_t alignment);
};

void Worker::accept(Block& block, std::size_t alignment) {
  if (!block.bytes) broken("there was no memory", nullptr, block.size);
  if (reinterpret_cast<std::uintptr_t>(block.bytes) % alignment) {
    broken("it is not aligned", block.bytes, block.size);
  }
  if (malloc_usable_size(block.bytes) < block.size) {
    broken("its usable size is too small", block.bytes, block.size);
  }
  block.tag = ++next_tag;
  ranges.add(block.bytes, block.size);
  write_pattern(block);
  live += block.size;
}

void Worker::allocate(Block& block) {
  block.size = random_size(random);
  if (live + block.size > kLiveBytes / options.threads) block.size %= 64;
  std::size_t alignment = block.size < 16 ? options.alignment : 16;
  void* result = nullptr;
  switch (random.below(16)) {
    case 0:
    case 1:
      result = calloc(1, block.size);
      if (result) check_zero({static_cast<unsigned char*>(result), block.size, 0});
      break;
    case 2:
      alignment = std::size_t{16} << random.below(12);
      result = aligned_alloc(alignment, block.size);
      break;
    case 3:
      alignment = std::size_t{16} << random.below(random.below(20) ? 9 : 18);
      if (posix_memalign(&result, alignment, block.size) != 0) result = nullptr;
      break;
    case 4:
      result = operator new(block.size);
      break;
    case 5:
      result = realloc(nullptr, block.size);
      break;
    default:
      result = malloc(block.size);
      break;
  }
  block.bytes = static_cast<unsigned char*>(result);
  accept(block, alignment);
}

void Worker::grow_or_shrink(Block& block) {
  check_pattern(block, block.size, block.size);
  ranges.remove(block.bytes);
  live -= block.size;
  const std::size_t before = block.size;
  block.size =
      random.below(4) ? before + random.below(before / 2 + 16) + 1 : random_size(random) + 1;
  if (live + block.size > kLiveBytes / options.threads) block.size = before / 2 + 1;
  block.bytes = static_cast<unsigned char*>(realloc(block.bytes, block.size));
  if (!block.bytes) broken("there was no memory for more", nullptr, block.size);
  check_pattern(block, before, block.size);
  accept(block, block.size < 16 ? options.alignment : 16);
}

void Worker::release(Block& block) {
  check_pattern(block, block.size, block.size);
  ranges.remove(block.bytes);
  live -= block.size;
  free(block.bytes);
  block = {};
}

void Worker::hand_over(Block& block) {
  Box& box = boxes[random.below(kBoxes)];
  const std::lock_guard lock(box.mutex);
  live -= block.size;
  std::swap(block, box.block);
  live += block.size;
}

// The child has this thread alone; what others hold, and boxes, may be in the middle of a change.
void Worker::fork_and_look() {
  const pid_t child = fork();
  expect(child >= 0);
  if (child) return expect(ended_well(child));
  alarm(300);
  options.map = false;
  options.forks = false;
  alone = true;
  for (Block& block : slots) {
    if (block.bytes && random.below(2)) release(block);
  }
  operations = 500;
  run();
  for (Block& block : slots) {
    if (block.bytes) release(block);
  }
  _exit(0);
}

void Worker::run() {
  for (; operations > 0; --operations) {
    Block& block = slots[random.below(kSlots)];
    if (!block.bytes) {
      allocate(block);
      continue;
    }
    const std::size_t kind = random.below(16);
    if (kind < 3) {
      grow_or_shrink(block);
    } else if (kind < 5 && options.threads > 1 && !alone) {
      hand_over(block);
    } else {
      release(block);
    }
    if (options.forks && random.below(3000) == 0) fork_and_look();
  }
}

void play() {
  void* const room = mmap(nullptr, kThreads * sizeof(Worker), PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect(room != MAP_FAILED);
  Worker* const workers = static_cast<Worker*>(room);
  for (unsigned i = 0; i < options.threads; ++i) {
    new (&workers[i]) Worker;
    workers[i].random = Random(options.seed * 100 + i);
    workers[i].next_tag = std::uint64_t{i + 1} << 48;
  }
  for (int quarter = 0; quarter < 4; ++quarter) {
    pthread_t threads[kThreads];
    for (unsigned i = 0; i < options.threads; ++i) {
      workers[i].operations = options.operations / options.threads / 4;
      const auto work = [](void* worker) -> void* {
        static_cast<Worker*>(worker)->run();
        return nullptr;
      };
      if (options.threads == 1)
        work(&workers[i]);
      else
        expect(pthread_create(&threads[i], nullptr, work, &workers[i]) == 0);
    }
    for (unsigned i = 0; options.threads > 1 && i < options.threads; ++i) {
      expect(pthread_join(threads[i], nullptr) == 0);
    }
  }
  for (unsigned i = 0; i < options.threads; ++i) {
    for (Block& block : workers[i].slots) {
      if (block.bytes) workers[i].release(block);
    }
  }
  for (Box& box : boxes) {
    if (box.block.bytes) workers[0].release(box.block);
  }
}

bool take_options(int count, char** arguments) {
  expect(getrandom(&options.seed, 4, 0) == 4);
  for (int i = 1; i < count; ++i) {
    const std::string_view name = arguments[i];
    if (name == "--no-map") {
      options.map = false;
    } else if (name == "--forks") {
      options.forks = true;
    } else if (i + 1 < count) {
      const std::uint64_t number = strtoull(arguments[++i], nullptr, 10);
      if (name == "--seed")
        options.seed = number;
      else if (name == "--operations")
        options.operations = static_cast<long>(number);
      else if (name == "--alignment")
        options.alignment = number;
      else if (name == "--threads")
        options.threads = static_cast<unsigned>(number);
      else
        return false;
    } else {
      return false;
    }
  }
  return options.threads >= 1 && options.threads <= kThreads;
}

}  // namespace

int main(int count, char** arguments) {
  if (!take_options(count, arguments)) {
    dprintf(2, "usage: model [--seed N] [--operations N] [--threads 1..8] [--no-map] [--forks]\n");
    return 2;
  }
  dprintf(1, "seed %" PRIu64 ", %ld operations, %u threads%s%s\n", options.seed, options.operations,
          options.threads, options.map ? "" : ", no map", options.forks ? ", forks" : "");
  play();
}
