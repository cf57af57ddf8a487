// bench/malloc-memory.cc - what a process keeps after a phase of work, run by
// bench/malloc-memory.sh under each allocator.
//   malloc-memory PHASE IDLE_SECONDS [trim]
// PHASE one: a single malloc, the least that any process pays. The others take 512 MiB, write all
// of it, and free: all; random (90 % of it); every64th (all but); threads (eight take and free 64
// MiB each, half of them end); other (another thread than took it frees all); ramps (ten, up to 512
// MiB high, and 2 MiB of each stay); shifting (ten of 512 MiB, whose blocks are of another size
// each time). Then nothing is called for IDLE_SECONDS: no malloc, no free, threads asleep. With
// trim, malloc_trim(0) is called once before, where the allocator has one of its own. Source  Rss
// of /proc/self/smaps_rollup, exact on every kernel (proc(5)); CPU of getrusage(2). Output  PHASE
// LIVE RIGHT_AFTER AFTER_IDLING (KiB) CPU_SECONDS_IDLE After all 512 MiB one block of 64 bytes is
// taken and stays, as in a real program something does: without it glibc's top would be free as a
// whole, and be given back as one. Its own tables are mapped, not allocated, and unmapped before
// anything is read; it does without libstdc++, whose first block is 72 KiB.
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

constexpr std::size_t kMiB = 1 << 20;
constexpr std::size_t kTaken = 512 * kMiB;

std::atomic<std::size_t> live{0};

struct Random {
  std::uint64_t state;
  std::uint64_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
  }
  double fraction() { return static_cast<double>(next() >> 11) * 0x1p-53; }
};

/// Sizes as programs have them: each doubling from 16 bytes to 4 KiB takes as many blocks as
/// another.
struct Mixed {
  std::size_t operator()(Random& random) const {
    const std::size_t least = std::size_t{16} << random.next() % 8;
    return least + random.next() % least;
  }
};

/// Within a quarter of one size.
struct Around {
  std::size_t middle;
  std::size_t operator()(Random& random) const {
    return middle - middle / 4 + random.next() % (middle / 2 + 1);
  }
};

struct Block {
  void* memory;
  std::size_t size;
};

/// Blocks in the order in which they were taken, in memory of its own.
class Blocks {
 public:
  template <typename Size>
  Blocks(std::size_t bytes, Size size, std::uint64_t seed)
      : first_(static_cast<Block*>(mmap(nullptr, kReserved, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))) {
    if (first_ == MAP_FAILED) _exit(3);
    Random random{(seed + 1) * 0x9e3779b97f4a7c15};
    for (std::size_t taken = 0; taken < bytes; ++count_) {
      Block& block = first_[count_];
      block.size = size(random);
      block.memory = malloc(block.size);
      if (block.memory == nullptr) _exit(3);
      std::memset(block.memory, 1, block.size);
      taken += block.size;
    }
    std::memset(malloc(64), 1, 64);
    live += 64;
  }
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  ~Blocks() { munmap(first_, kReserved); }

  /// Frees what `goes` says yes to, and counts the rest as live.
  template <typename Goes>
  void free_where(Goes goes) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (goes(i)) {
        free(first_[i].memory);
      } else {
        live += first_[i].size;
      }
    }
  }
  void free_all() {
    free_where([](std::size_t) { return true; });
  }

 private:
  // 512 MiB of the least blocks.
  static constexpr std::size_t kReserved = kTaken / 16 * sizeof(Block);
  Block* first_;
  std::size_t count_ = 0;
};

void one() {
  std::memset(malloc(64), 1, 64);
  live += 64;
}

void all() { Blocks(kTaken, Mixed{}, 0).free_all(); }

void random_blocks() {
  Random random{271828182845904523};
  Blocks(kTaken, Mixed{}, 0).free_where([&](std::size_t) { return random.fraction() < 0.9; });
}

void every_64th() {
  Blocks(kTaken, Mixed{}, 0).free_where([](std::size_t i) { return i % 64 != 0; });
}

pthread_barrier_t met;

void start(void* (*run)(void*), void* argument) {
  pthread_t thread;
  if (pthread_create(&thread, nullptr, run, argument) != 0) _exit(3);
  pthread_detach(thread);
}

/// Threads that have done their work and wait are never joined: the process ends with _exit.
void* sleep_for_good() {
  for (;;) pause();
}

void* one_of_eight(void* number) {
  const auto i = reinterpret_cast<std::uintptr_t>(number);
  Blocks(kTaken / 8, Mixed{}, i).free_all();
  pthread_barrier_wait(&met);
  return i % 2 == 0 ? sleep_for_good() : nullptr;
}

void threads() {
  pthread_barrier_init(&met, nullptr, 9);
  for (std::uintptr_t i = 0; i < 8; ++i) start(one_of_eight, reinterpret_cast<void*>(i));
  pthread_barrier_wait(&met);
  // Those that end are gone when only the four that sleep and this one are left.
  const timespec moment{0, 1'000'000};
  struct stat tasks{};
  while (stat("/proc/self/task", &tasks) == 0 && tasks.st_nlink > 2 + 5)
    nanosleep(&moment, nullptr);
}

Blocks* taken_by_other;

void* takes(void*) {
  Blocks blocks(kTaken, Mixed{}, 0);
  taken_by_other = &blocks;
  pthread_barrier_wait(&met);
  return sleep_for_good();
}

void other() {
  pthread_barrier_init(&met, nullptr, 2);
  start(takes, nullptr);
  pthread_barrier_wait(&met);
  taken_by_other->free_all();
  taken_by_other->~Blocks();
}

/// `height` is taken, and of it 2 MiB stay, here and there.
template <typename Size>
void ramp(std::size_t height, Size size, std::uint64_t seed) {
  Random random{(seed + 1) * 2718281828459045235};
  const double stays = 2.0 * kMiB / static_cast<double>(height);
  Blocks(height, size, seed).free_where([&](std::size_t) { return random.fraction() >= stays; });
}

void ramps() {
  std::uint64_t seed = 0;
  for (const std::size_t tenths : {5, 10, 2, 7, 1, 9, 3, 8, 4, 6})
    ramp(kTaken / 10 * tenths, Mixed{}, ++seed);
}

void shifting() {
  std::uint64_t seed = 0;
  for (const std::size_t size : {48, 96, 160, 256, 416, 672, 1072, 1728, 2784, 4480})
    ramp(kTaken, Around{size}, ++seed);
}

long resident_kib() {
  char text[2048];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  const ssize_t got = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (got <= 0) _exit(3);
  close(file);
  text[got] = 0;
  const char* const rss = std::strstr(text, "\nRss:");
  return rss == nullptr ? 0 : std::strtol(rss + 5, nullptr, 10);
}

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

struct Phase {
  const char* name;
  void (*run)();
};

constexpr Phase kPhases[] = {
    {"one", one},         {"all", all},     {"random", random_blocks}, {"every64th", every_64th},
    {"threads", threads}, {"other", other}, {"ramps", ramps},          {"shifting", shifting}};

}  // namespace

int main(int argc, char** argv) {
  const Phase* const phase =
      std::find_if(std::begin(kPhases), std::end(kPhases),
                   [&](const Phase& p) { return argc > 2 && std::strcmp(p.name, argv[1]) == 0; });
  if (phase == std::end(kPhases)) {
    std::fputs("usage: malloc-memory PHASE IDLE_SECONDS [trim], PHASE is", stderr);
    for (const Phase& known : kPhases) std::fprintf(stderr, " %s", known.name);
    std::fputs("\n", stderr);
    return 2;
  }
  // What is only called later would bring in pages of libc by itself.
  timespec left{0, 1};
  nanosleep(&left, nullptr);
  resident_kib();
  cpu_seconds();
  phase->run();
  if (argc > 3) malloc_trim(0);
  const long after = resident_kib();
  const double cpu = cpu_seconds();
  left = {std::strtol(argv[2], nullptr, 10), 0};
  while (nanosleep(&left, &left) != 0) continue;
  const double idle = cpu_seconds() - cpu;
  const long later = resident_kib();
  std::printf("%s %zu %ld %ld %.3f\n", phase->name, live.load() / 1024, after, later, idle);
  std::fflush(stdout);
  _exit(0);
}
