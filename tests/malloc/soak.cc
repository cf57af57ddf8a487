// tests/malloc/soak.cc - a service's load for as long as is asked, and whether its memory stays.
//
//   soak [--minutes N] [--cycle SECONDS] [--seed N] [--load PERCENT] [--peak MiB] [--base MiB]
//
// Each cycle goes through the same phases: live bytes grow from base to peak, blocks are exchanged
// there, live bytes shrink to base, threads of a few thousand operations come and go, and then
// there is rest: no thread, no call, the same live bytes as after every cycle. Sizes are from 1
// byte to 64 MiB and lean to another side in each cycle; blocks are passed between threads through
// slots, outlive their threads, are grown, shrunk, aligned, zeroed; children are forked amid it all
// and allocate, others when nothing runs, and check and free all that they inherited. Every block
// is full of a pattern by its key, which is held against it when it is freed or changed.
//
// Output  a line each ten seconds, and one after each rest, with tabs between:
//         seconds cycle phase threads live_KiB resident_KiB operations forks cpu_seconds
// What it keeps itself is mapped and stands in no figure. It judges contents only; what the curve
// must be is malloc-soak.sh's to say. Any allocator can be preloaded.
// Threads at most kThreads besides main; a slot's block is its who takes its pointer out.
#include <fcntl.h>
#include <sys/random.h>
#include <time.h>

#include <algorithm>
#include <atomic>
#include <cinttypes>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "expect.h"

namespace {

constexpr std::size_t kSlots = std::size_t{1} << 18;
constexpr int kThreads = 24;
constexpr int kLeastCycles =
    7;  // or no trend could be told from chance; a busy machine takes longer
constexpr std::size_t kMost = std::size_t{64} << 20;

struct Options {
  double minutes = 60;
  double cycle = 120;                 // seconds
  double load = 50;                   // percent of one processor
  std::size_t peak = 640, base = 96;  // MiB
  std::uint64_t seed = 0;
};
Options options;

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2 + 1) {
    for (int i = 0; i < 8; ++i) (*this)();
  }
  std::uint64_t operator()() {  // xorshift64*
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 0x2545f4914f6cdd1du >> 16;
  }
  std::size_t below(std::size_t end) { return (*this)() % end; }
  double fraction() { return static_cast<double>((*this)() & 0xffffffff) / 4294967296.0; }
  /// As likely from 8 to 16 as from 16 to 32.
  std::size_t between(double low, double high) {
    return static_cast<std::size_t>(low * std::exp2(fraction() * std::log2(high / low)));
  }

 private:
  std::uint64_t state_;
};

// To which side a cycle's sizes lean.
enum class Lean { kEven, kSmall, kMedium, kLarge };

// Half are under 128 bytes, one in some ten thousand is larger than a MiB.
std::size_t random_size(Random& random, Lean lean) {
  if (random.below(3) == 0) {
    if (lean == Lean::kSmall) return random.between(1, 200);
    if (lean == Lean::kMedium) return random.between(500, 6000);
    if (lean == Lean::kLarge) return random.between(8000, 60000);
  }
  const std::size_t kind = random.below(20000);
  if (kind < 12000) return random.between(1, 256);
  if (kind < 17000) return random.between(256, 2048);
  if (kind < 19300) return random.between(2048, 16384);
  if (kind < 19970) return random.between(16384, 131072);
  if (kind < 19998) return random.between(131072, 1 << 20);
  return std::min(random.between(1 << 20, kMost * 1.01), kMost);
}

struct Block {
  unsigned char* bytes = nullptr;
  std::size_t size = 0;
  std::uint64_t key = 0;
};

[[noreturn]] void broken(const char* what, const Block& block, std::size_t at) {
  dprintf(2, "seed %" PRIu64 ": %s: block %p of %zu bytes, at %zu\n", options.seed, what,
          block.bytes, block.size, at);
  abort();
}

std::uint64_t word(const Block& block, std::size_t at) {
  return (block.key + at) * 0x9e3779b97f4a7c15u;
}
// All of what is small; of others both ends and a word of each cache line, so that every page is
// written.
template <class Visit>
void words(std::size_t size, Visit visit) {
  const std::size_t whole = size / 8 * 8;
  const std::size_t step = size <= 4096 ? 8 : 64;
  for (std::size_t at = 0; at < whole; at += step) visit(at, 8);
  if (step > 8) visit(whole - 8, 8);
  if (size > whole) visit(whole, size - whole);
}
void write(const Block& block) {
  words(block.size, [&](std::size_t at, std::size_t bytes) {
    const std::uint64_t value = word(block, at);
    memcpy(block.bytes + at, &value, bytes);
  });
}
void check(const Block& block, const char* what = "its contents changed") {
  words(block.size, [&](std::size_t at, std::size_t bytes) {
    const std::uint64_t value = word(block, at);
    if (memcmp(block.bytes + at, &value, bytes) != 0) broken(what, block, at);
  });
}

// ---- what is live ----

struct Slot {
  std::atomic<unsigned char*> bytes;
  std::size_t size;
  std::uint64_t key;
};
Slot* slots;
std::atomic<std::size_t> live{0}, target{0}, operations{0};
std::atomic<int> threads{0};
std::atomic<bool> ending{false};
std::atomic<Lean> leaning{Lean::kEven};

Block take(Slot& slot) {
  unsigned char* const bytes = slot.bytes.exchange(nullptr, std::memory_order_acquire);
  return bytes ? Block{bytes, slot.size, slot.key} : Block{};
}

// Puts it into some empty slot; false where too many are full. What is being filled is marked, as
// its size and key come before its pointer.
unsigned char* const kFilling = reinterpret_cast<unsigned char*>(8);
bool put(const Block& block, Random& random) {
  for (int i = 0; i < 64; ++i) {
    Slot& slot = slots[random.below(kSlots)];
    unsigned char* none = nullptr;
    if (!slot.bytes.compare_exchange_strong(none, kFilling, std::memory_order_acquire)) continue;
    slot.size = block.size;
    slot.key = block.key;
    slot.bytes.store(block.bytes, std::memory_order_release);
    return true;
  }
  return false;
}
// One that is full, of a few that are looked at.
Block take_any(Random& random) {
  for (int i = 0; i < 64; ++i) {
    Slot& slot = slots[random.below(kSlots)];
    unsigned char* bytes = slot.bytes.load(std::memory_order_relaxed);
    if (bytes == nullptr || bytes == kFilling ||
        !slot.bytes.compare_exchange_strong(bytes, kFilling, std::memory_order_acquire)) {
      continue;
    }
    const Block block{bytes, slot.size, slot.key};
    slot.bytes.store(nullptr, std::memory_order_release);
    return block;
  }
  return {};
}

Block allocate(std::size_t size, Random& random) {
  Block block{nullptr, size, random()};
  const std::size_t how = random.below(40);
  if (how == 0) {
    const std::size_t alignment = std::size_t{16} << random.below(9);
    void* aligned = nullptr;
    expect(posix_memalign(&aligned, alignment, size) == 0);
    if (reinterpret_cast<std::uintptr_t>(aligned) % alignment != 0) broken("not aligned", block, 0);
    block.bytes = static_cast<unsigned char*>(aligned);
  } else if (how < 6) {
    expect((block.bytes = static_cast<unsigned char*>(calloc(1, size))));
    const std::size_t step = size <= 65536 ? 1 : 61;
    for (std::size_t at = 0; at < size; at += step) {
      if (block.bytes[at] != 0) broken("calloc's is not zero", block, at);
    }
  } else {
    expect((block.bytes = static_cast<unsigned char*>(malloc(size))));
  }
  write(block);
  live.fetch_add(size, std::memory_order_relaxed);
  return block;
}
void release(const Block& block) {
  check(block);
  live.fetch_sub(block.size, std::memory_order_relaxed);
  free(block.bytes);
}
void resize(Block& block, std::size_t size, Random& random) {
  check(block);
  const std::size_t before = block.size;
  expect((block.bytes = static_cast<unsigned char*>(realloc(block.bytes, size))));
  // The words of the shorter one, which are among those that were written.
  const std::size_t common = std::min(before, size);
  for (std::size_t at = 0; at + 8 <= common; at += before <= 4096 ? 8 : 64) {
    const std::uint64_t value = word(block, at);
    if (memcmp(block.bytes + at, &value, 8) != 0) broken("realloc changed it", block, at);
  }
  live.fetch_add(size - before, std::memory_order_relaxed);
  block.size = size;
  block.key = random();
  write(block);
}

// ---- who works ----

double seconds(clockid_t clock) {
  timespec time{};
  clock_gettime(clock, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * 1e-9;
}
void pause_for(double time) {
  const timespec rest{static_cast<time_t>(time),
                      static_cast<long>((time - std::floor(time)) * 1e9)};
  nanosleep(&rest, nullptr);
}

// Holds all threads together to the load that was asked for, a moment at a time.
std::atomic<double> paid_wall{0}, paid_cpu{0};
void throttle() {
  while (!ending) {
    const double cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - paid_cpu;
    const double wall = seconds(CLOCK_MONOTONIC) - paid_wall;
    if (cpu <= wall * options.load / 100) return;
    pause_for(0.002);
  }
}

// One request of a service: some blocks that live for it alone, and a few that stay.
void serve(Random& random) {
  constexpr int kBriefly = 24;
  Block brief[kBriefly];
  const Lean lean = leaning;
  const int count = 1 + static_cast<int>(random.below(kBriefly));
  for (int i = 0; i < count; ++i) {
    // What a request needs for itself is rarely large.
    std::size_t size = random_size(random, lean);
    if (size > 65536 && random.below(4) != 0) size %= 65536;
    brief[i] = allocate(size + 1, random);
  }
  for (int i = 0; i < 6; ++i) {
    const std::size_t now = live, wanted = target;
    if (now < wanted || random.below(2) == 0) {
      const Block block = allocate(random_size(random, lean), random);
      if (!put(block, random)) release(block);
    }
    if (now >= wanted) {
      for (int j = 0; j < 2; ++j) {
        if (const Block old = take_any(random); old.bytes) release(old);
      }
    }
  }
  if (random.below(3) == 0) {
    if (Block old = take_any(random); old.bytes) {
      const std::size_t size = random.below(4) == 0 ? random_size(random, lean)
                                                    : old.size / 2 + random.below(old.size + 16);
      resize(old, std::clamp<std::size_t>(size, 1, kMost), random);
      if (!put(old, random)) release(old);
    }
  }
  for (int i = 0; i < count; ++i) {
    // Some are handed to whoever takes them out.
    if (random.below(64) == 0 && put(brief[i], random)) continue;
    release(brief[i]);
  }
  operations.fetch_add(static_cast<std::size_t>(count) + 6, std::memory_order_relaxed);
}

struct Work {
  std::uint64_t seed;
  std::size_t requests;
};
void* worker(void* argument) {
  const Work work = *static_cast<Work*>(argument);
  free(argument);
  Random random(work.seed);
  for (std::size_t i = 0; i < work.requests && !ending; ++i) {
    serve(random);
    if (i % 16 == 0) throttle();
  }
  threads.fetch_sub(1, std::memory_order_release);
  return nullptr;
}

bool start_worker(Random& random, std::size_t requests) {
  pthread_attr_t attributes;
  expect(pthread_attr_init(&attributes) == 0);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  pthread_attr_setstacksize(&attributes, 128 * kKiB);
  pthread_t thread;
  auto* const work = static_cast<Work*>(malloc(sizeof(Work)));  // freed by another thread
  expect(work);
  *work = {random(), 1 + random.below(requests)};
  threads.fetch_add(1);
  const bool started = pthread_create(&thread, &attributes, worker, work) == 0;
  if (!started) {
    threads.fetch_sub(1);
    free(work);
  }
  pthread_attr_destroy(&attributes);
  return started;
}

// ---- children ----

enum class Inherit { kNothing, kAll };
std::size_t forks = 0;

// A child of a program with threads: what these were changing may be half done, so it takes and
// frees blocks of its own alone, unless nothing ran.
void fork_child(Random& random, Inherit inherit) {
  const std::uint64_t seed = random();
  const pid_t pid = fork();
  expect(pid >= 0);
  ++forks;
  if (pid != 0) {
    expect(ended_well(pid));
    return;
  }
  Random own(seed);
  Block blocks[200];
  for (Block& block : blocks) block = allocate(random_size(own, Lean::kEven) % 300000 + 1, own);
  if (inherit == Inherit::kAll) {
    for (std::size_t i = 0; i < kSlots; ++i) {
      // Written, so that the child has pages of its own, and freed.
      const Block old = take(slots[i]);
      if (!old.bytes) continue;
      check(old, "a child inherited it changed");
      if (i % 8 == 0) old.bytes[0] ^= 1;
      free(old.bytes);
    }
  }
  for (Block& block : blocks) release(block);
  _exit(0);
}

// ---- what is seen of it ----

std::size_t own_bytes = 0;

std::size_t resident_bytes() {
  char text[2048];
  const int file = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
  expect(file >= 0);
  const ssize_t size = read(file, text, sizeof text - 1);
  expect(size > 0);
  close(file);
  text[size] = 0;
  const char* const found = strstr(text, "\nRss:");
  expect(found);
  return strtoul(found + 5, nullptr, 10) * 1024 - own_bytes;
}

double begun = 0, last_sample = 0;
int cycle = 0;

void sample(const char* phase) {
  last_sample = seconds(CLOCK_MONOTONIC);
  dprintf(1, "%.0f\t%d\t%s\t%d\t%zu\t%zu\t%zu\t%zu\t%.1f\n", last_sample - begun, cycle, phase,
          threads.load(), live.load() / 1024, resident_bytes() / 1024, operations.load(), forks,
          seconds(CLOCK_PROCESS_CPUTIME_ID));
}

// Works for a part of the cycle, its target moving from one size to another. `requests`: that a
// thread serves at most before it ends.
struct Phase {
  const char* name;
  double part;
  std::size_t from, to;  // MiB
  int threads;
  std::size_t requests;
};
void work(const Phase& phase, Random& random) {
  const double start = seconds(CLOCK_MONOTONIC), length = options.cycle * phase.part;
  double next_fork = start + length * random.fraction() / 3;
  paid_wall = start;
  paid_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (;;) {
    const double now = seconds(CLOCK_MONOTONIC), done = (now - start) / length;
    const auto from = static_cast<double>(phase.from), to = static_cast<double>(phase.to);
    target = static_cast<std::size_t>((from + (to - from) * std::min(done, 1.0)) * double{kMiB});
    if (done >= 1) break;
    const int wanted = 1 + static_cast<int>(random.below(static_cast<std::size_t>(phase.threads)));
    while (threads < wanted && start_worker(random, phase.requests)) {
    }
    if (now >= next_fork) {
      fork_child(random, Inherit::kNothing);
      next_fork = now + length / 4;
    }
    if (now - last_sample >= 10) sample(phase.name);
    pause_for(0.005);
  }
}

// No thread is left, live is what it is after every cycle, and nothing is called until resident
// memory stands still.
void rest(Random& random) {
  ending = true;
  while (threads.load(std::memory_order_acquire) > 0) pause_for(0.005);
  ending = false;
  const std::size_t wanted = options.base * kMiB;
  while (live > wanted) {
    if (const Block old = take_any(random); old.bytes) release(old);
  }
  while (live + 4096 < wanted) {
    const Block block = allocate(random.between(16, 4096), random);
    while (!put(block, random)) {
    }
  }
  fork_child(random, Inherit::kAll);
  std::size_t before = 0, now = resident_bytes();
  for (int i = 0; i < 20 && (i < 3 || now + 128 * kKiB < before || before + 128 * kKiB < now);
       ++i) {
    pause_for(std::min(options.cycle / 24, 5.0));
    before = now;
    now = resident_bytes();
  }
  sample("rested");
}

int usage() {
  dprintf(2,
          "soak [--minutes N] [--cycle SECONDS] [--seed N] [--load PERCENT] [--peak MiB] "
          "[--base MiB]\n");
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  expect(getrandom(&options.seed, 4, 0) == 4);
  options.seed &= 0xffffffff;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    char* end = nullptr;
    const double value = i + 1 < argc ? strtod(argv[i + 1], &end) : 0;
    if (end == nullptr || *end != 0 || end == argv[i + 1] || !(value > 0)) return usage();
    if (name == "--minutes")
      options.minutes = value;
    else if (name == "--cycle")
      options.cycle = value;
    else if (name == "--seed")
      options.seed = static_cast<std::uint64_t>(value);
    else if (name == "--load")
      options.load = value;
    else if (name == "--peak")
      options.peak = static_cast<std::size_t>(value);
    else if (name == "--base")
      options.base = static_cast<std::size_t>(value);
    else
      return usage();
  }
  dprintf(1, "# seed %" PRIu64 ", cycles of %.0f s, %zu to %zu MiB live, %.0f %% of a processor\n",
          options.seed, options.cycle, options.base, options.peak, options.load);

  own_bytes = kSlots * sizeof(Slot);
  void* const table = mmap(nullptr, own_bytes, PROT_READ | PROT_WRITE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  expect(table != MAP_FAILED);
  slots = static_cast<Slot*>(table);

  begun = seconds(CLOCK_MONOTONIC);
  Random random(options.seed);
  constexpr Lean kLeans[] = {Lean::kEven, Lean::kSmall, Lean::kMedium, Lean::kLarge};
  const std::size_t base = options.base, peak = options.peak;
  while (cycle < kLeastCycles || seconds(CLOCK_MONOTONIC) - begun < options.minutes * 60) {
    leaning = kLeans[cycle % 4];
    ++cycle;
    work({"grow", 0.25, base, peak, 12, 4000}, random);
    work({"exchange", 0.2, peak, peak, kThreads, 2000}, random);
    work({"shrink", 0.2, peak, base, 6, 4000}, random);
    work({"come-and-go", 0.2, base, base, kThreads, 60}, random);
    rest(random);
  }
  for (std::size_t i = 0; i < kSlots; ++i) {
    if (const Block old = take(slots[i]); old.bytes) release(old);
  }
  expect(live == 0);
  dprintf(1, "# %d cycles, %zu operations, %zu forks, %.0f s of CPU\n", cycle, operations.load(),
          forks, seconds(CLOCK_PROCESS_CPUTIME_ID));
  return 0;
}
