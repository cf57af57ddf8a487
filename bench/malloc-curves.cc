// bench/malloc-curves.cc - how malloc's cost grows with threads, with what is live, and with what
// has been; run by bench/malloc-curves.sh under each allocator.
//   malloc-curves CURVE POINT
// CURVE threads  POINT threads that each hold 1 MiB of blocks up to 2 KiB and exchange one at a
//                time, one in eight for a block that another thread allocated
//       heap     POINT MiB live, in blocks from 64 bytes to 64 KiB; blocks are exchanged at random
//       spans    POINT regions of 16 KiB, of whose 16 blocks one stays; all sizes are exchanged.
//                These blocks are not written
//       turnover 64 MiB live, all of it exchanged POINT times before the measurement
//       lives    POINT threads came and went, 16 at a time, each leaving a tenth of its blocks for
//                others to free; what a further thread costs from its creation on
// Source  CPU of clock_gettime(2); Rss of /proc/self/smaps_rollup, exact on every kernel (proc(5)).
// Output  CURVE POINT NANOSECONDS BARE LONGEST LIVE RESIDENT
//           NANOSECONDS of CPU an operation (a free and a malloc; of lives, a thread)
//           BARE        of the same loop without them
//           LONGEST     ns, the most CPU of all threads together while 64 of them were made: a
//                       wait for a helper that works under a lock counts, one for a processor
//                       does not
//           LIVE RESIDENT  KiB; none of what it keeps itself, which is mapped and touched before
//                          anything is read
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace {

constexpr std::size_t kKiB = 1024, kMiB = 1024 * kKiB;

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  _exit(1);
}

double now_ns(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct Random {
  std::uint64_t state = 88172645463325252;
  std::uint64_t below(std::uint64_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state % limit;
  }
  /// As likely from 64 to 128 as from 128 to 256.
  std::size_t between(double low, double high) {
    const double part = static_cast<double>(below(1 << 20)) / (1 << 20);
    return static_cast<std::size_t>(low * std::exp2(part * std::log2(high / low)));
  }
};

std::size_t own_bytes = 0;

/// Zeroed, resident, and in no figure.
template <class T>
T* own(std::size_t count) {
  const std::size_t bytes = (count * sizeof(T) + 4095) / 4096 * 4096;
  void* const at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (at == MAP_FAILED) fail("mmap");
  own_bytes += bytes;
  return static_cast<T*>(at);
}

std::size_t resident_kib() {
  char text[2048];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (size <= 0) fail("/proc/self/smaps_rollup");
  close(file);
  text[size] = 0;
  const char* const found = std::strstr(text, "\nRss:");
  if (found == nullptr) fail("no Rss in /proc/self/smaps_rollup");
  return std::strtoul(found + 5, nullptr, 10) - own_bytes / kKiB;
}

struct Figures {
  double nanoseconds = 0, bare = 0, longest = 0;
  std::size_t live = 0;  // bytes
};
std::size_t begun_kib = 0;
void print(const char* curve, std::size_t point, const Figures& figures) {
  std::printf("%s\t%zu\t%.1f\t%.1f\t%.0f\t%zu\t%zu\n", curve, point, figures.nanoseconds,
              figures.bare, figures.longest, figures.live / kKiB,
              resident_kib() - std::min(begun_kib, resident_kib()));
}

struct Block {
  char* bytes;
  std::size_t size;
};
enum class Touch { kNothing, kAll };

void take(Block& block, std::size_t size, Touch touch) {
  block = {static_cast<char*>(malloc(size)), size};
  if (block.bytes == nullptr) fail("malloc");
  if (touch == Touch::kNothing) return;
  for (std::size_t at = 0; at < size; at += 4096) block.bytes[at] = 1;
  block.bytes[size - 1] = 1;
}

/// What is left of a loop without malloc: it finds the block and writes its ends.
template <class Size>
double bare_ns(Block* blocks, std::size_t count, std::size_t operations, Size size) {
  Random random;
  const double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  for (std::size_t i = 0; i < operations; ++i) {
    Block& block = blocks[random.below(count)];
    const volatile std::size_t wanted = size(random);
    static_cast<void>(wanted);
    *static_cast<volatile char*>(block.bytes) = 1;
    *static_cast<volatile char*>(block.bytes + block.size - 1) = 1;
  }
  return (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / static_cast<double>(operations);
}

/// Exchanges blocks at random, the least of a few batches; and the longest of its parts.
template <class Size>
void exchange(Figures& figures, Block* blocks, std::size_t count, std::size_t operations,
              Size size) {
  constexpr std::size_t kPart = 64;
  Random random;
  figures.nanoseconds = 1e30;
  for (int batch = 0; batch < 3; ++batch) {
    const double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    for (std::size_t done = 0; done < operations; done += kPart) {
      const double part = now_ns(CLOCK_PROCESS_CPUTIME_ID);
      for (std::size_t i = 0; i < kPart; ++i) {
        Block& block = blocks[random.below(count)];
        figures.live -= block.size;
        free(block.bytes);
        take(block, size(random), Touch::kAll);
        figures.live += block.size;
      }
      figures.longest = std::max(figures.longest, now_ns(CLOCK_PROCESS_CPUTIME_ID) - part);
    }
    figures.nanoseconds = std::min(
        figures.nanoseconds, (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) /
                                 static_cast<double>((operations + kPart - 1) / kPart * kPart));
  }
}

// ---- threads ----

constexpr std::size_t kOfThread = 1600;  // blocks, of 640 bytes on average
constexpr std::size_t kBoxes = 256;
std::atomic<char*> boxes[kBoxes];
pthread_barrier_t begin_together, end_together, leave_together;

struct Task {
  Block* blocks;
  std::size_t operations;
  std::uint64_t seed;
};
void* exchange_with_others(void* argument) {
  const Task& task = *static_cast<Task*>(argument);
  Random random{task.seed};
  for (std::size_t i = 0; i < kOfThread; ++i)
    take(task.blocks[i], random.between(64, 2048), Touch::kAll);
  pthread_barrier_wait(&begin_together);
  for (std::size_t i = 0; i < task.operations; ++i) {
    Block& block = task.blocks[random.below(kOfThread)];
    char* old = block.bytes;
    if (i % 8 == 0) old = boxes[random.below(kBoxes)].exchange(old, std::memory_order_acq_rel);
    free(old);
    take(block, random.between(64, 2048), Touch::kAll);
  }
  pthread_barrier_wait(&end_together);
  pthread_barrier_wait(&leave_together);
  return nullptr;
}

void threads(std::size_t count) {
  constexpr std::size_t kOperations = 6'000'000;
  Task* const tasks = own<Task>(count);
  Block* const blocks = own<Block>(count * kOfThread);
  pthread_t* const all = own<pthread_t>(count);
  for (pthread_barrier_t* barrier : {&begin_together, &end_together, &leave_together})
    pthread_barrier_init(barrier, nullptr, static_cast<unsigned>(count) + 1);
  begun_kib = resident_kib();
  for (std::size_t i = 0; i < count; ++i) {
    tasks[i] = {blocks + i * kOfThread, kOperations / count, (i + 1) * 0x9e3779b97f4a7c15u};
    if (pthread_create(&all[i], nullptr, exchange_with_others, &tasks[i]) != 0)
      fail("pthread_create");
  }
  pthread_barrier_wait(&begin_together);
  Figures figures;
  const double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  pthread_barrier_wait(&end_together);
  figures.nanoseconds = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / kOperations;
  for (std::size_t i = 0; i < count * kOfThread; ++i) figures.live += blocks[i].size;
  print("threads", count, figures);
  pthread_barrier_wait(&leave_together);
  for (std::size_t i = 0; i < count; ++i) pthread_join(all[i], nullptr);
}

// ---- what is live ----

void heap(std::size_t mib) {
  const auto size = [](Random& random) { return random.between(64, 65536); };
  const std::size_t most = mib * (kMiB / 4096);  // the mean is 9.4 KiB
  Block* const blocks = own<Block>(most);
  begun_kib = resident_kib();
  Random random;
  Figures figures;
  std::size_t count = 0;
  while (figures.live < mib * kMiB && count < most) {
    take(blocks[count], size(random), Touch::kAll);
    figures.live += blocks[count++].size;
  }
  constexpr std::size_t kOperations = 400'000;
  exchange(figures, blocks, count, kOperations, size);
  figures.bare = bare_ns(blocks, count, kOperations, size);
  print("heap", mib, figures);
}

void spans(std::size_t count) {
  constexpr std::size_t kSize = 1024, kOf = 16;
  constexpr std::size_t kUsed = 4096;
  char** const blocks = own<char*>(count * kOf);
  Block* const used = own<Block>(kUsed);
  begun_kib = resident_kib();
  Figures figures;
  // All are there before any is freed, as else they would be used again.
  for (std::size_t i = 0; i < count * kOf; ++i) {
    if ((blocks[i] = static_cast<char*>(malloc(kSize))) == nullptr) fail("malloc");
  }
  for (std::size_t i = 0; i < count * kOf; ++i) {
    if (i % kOf != 0) free(blocks[i]);
  }
  figures.live = count * kSize;
  const auto size = [](Random& random) { return random.between(16, 16384); };
  Random random;
  for (std::size_t i = 0; i < kUsed; ++i) {
    take(used[i], size(random), Touch::kAll);
    figures.live += used[i].size;
  }
  // Long enough that what a helper does in the background falls into it.
  const double start = now_ns(CLOCK_MONOTONIC);
  Figures least = figures;
  least.nanoseconds = 1e30;
  while (now_ns(CLOCK_MONOTONIC) - start < 5e9) {
    exchange(figures, used, kUsed, 200'000, size);
    least.nanoseconds = std::min(least.nanoseconds, figures.nanoseconds);
    least.longest = std::max(least.longest, figures.longest);
  }
  least.live = figures.live;
  least.bare = bare_ns(used, kUsed, 200'000, size);
  print("spans", count, least);
}

// ---- what has been ----

void turnover(std::size_t times) {
  const auto size = [](Random& random) { return random.between(32, 32768); };
  constexpr std::size_t kMost = 64 * kMiB / 2048;
  Block* const blocks = own<Block>(kMost);
  begun_kib = resident_kib();
  Random random;
  Figures figures;
  std::size_t count = 0;
  while (figures.live < 64 * kMiB && count < kMost) {
    take(blocks[count], size(random), Touch::kAll);
    figures.live += blocks[count++].size;
  }
  for (std::size_t i = 0; i < times * count; ++i) {
    Block& block = blocks[random.below(count)];
    figures.live -= block.size;
    free(block.bytes);
    take(block, size(random), Touch::kAll);
    figures.live += block.size;
  }
  exchange(figures, blocks, count, 400'000, size);
  figures.bare = bare_ns(blocks, count, 400'000, size);
  print("turnover", times, figures);
}

constexpr std::size_t kLeft = 8192;
std::atomic<char*> left[kLeft];

void* live_shortly(void* argument) {
  Random random{(reinterpret_cast<std::uintptr_t>(argument) + 1) * 0x9e3779b97f4a7c15u};
  char* blocks[200];
  for (char*& block : blocks) {
    Block taken{};
    take(taken, random.between(16, 4096), Touch::kAll);
    block = taken.bytes;
  }
  for (char*& block : blocks) {
    if (random.below(10) == 0) block = left[random.below(kLeft)].exchange(block);
    free(block);
  }
  return nullptr;
}
void come_and_go(std::size_t count) {
  constexpr std::size_t kTogether = 16;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 64 * kKiB);
  pthread_t all[kTogether];
  for (std::size_t i = 0; i < count; i += kTogether) {
    for (std::size_t j = 0; j < kTogether; ++j) {
      if (pthread_create(&all[j], &attributes, live_shortly, reinterpret_cast<void*>(i + j)) != 0)
        fail("pthread_create");
    }
    for (pthread_t thread : all) pthread_join(thread, nullptr);
  }
  pthread_attr_destroy(&attributes);
}
void lives(std::size_t count) {
  begun_kib = resident_kib();
  come_and_go(count);
  Figures figures;
  constexpr std::size_t kMeasured = 4096;
  const double start = now_ns(CLOCK_PROCESS_CPUTIME_ID);
  come_and_go(kMeasured);
  figures.nanoseconds = (now_ns(CLOCK_PROCESS_CPUTIME_ID) - start) / kMeasured;
  for (const std::atomic<char*>& block : left) figures.live += block.load() != nullptr ? 736 : 0;
  print("lives", count, figures);
}

}  // namespace

int main(int argc, char** argv) {
  const auto is = [&](const char* name) { return std::strcmp(argv[1], name) == 0; };
  const std::size_t point = argc == 3 ? std::strtoul(argv[2], nullptr, 10) : 0;
  if (point == 0) {
    std::fprintf(stderr, "usage: malloc-curves threads|heap|spans|turnover|lives POINT\n");
    return 2;
  }
  if (is("threads"))
    threads(point);
  else if (is("heap"))
    heap(point);
  else if (is("spans"))
    spans(point);
  else if (is("turnover"))
    turnover(point);
  else if (is("lives"))
    lives(point);
  else
    return 2;
  return 0;
}
