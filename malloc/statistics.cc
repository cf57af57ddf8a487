// malloc/statistics.cc - what a program may ask malloc about itself, and tell it.
// Source  mallinfo(3), malloc_stats(3), malloc_info(3), malloc_trim(3), mallopt(3). The shapes are
//         glibc's, the figures ours: docs/design/malloc.md says what stands for what.
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>

#include "malloc/census.h"
#include "malloc/decay.h"
#include "malloc/include/strata/malloc.h"
#include "malloc/options.h"
#include "malloc/os.h"
#include "malloc/space.h"

#define STRATA_EXPORT extern "C" __attribute__((visibility("default")))

namespace alloc = strata::alloc;

namespace {

/// Live blocks and runs are in use. There are no fast bins: what caches hold counts as free.
struct mallinfo2 figures_of(const alloc::Census& census) {
  const alloc::Count live = census.all_live();
  struct mallinfo2 figures{};
  figures.arena = census.system;
  figures.ordblks = census.free.blocks + census.cached.blocks + census.free_runs.blocks;
  figures.uordblks = live.bytes;
  figures.fordblks = census.system - live.bytes;
  figures.keepcost = census.dirty;
  return figures;
}

}  // namespace

STRATA_EXPORT struct mallinfo2 mallinfo2() {
  alloc::Census census;
  alloc::take_census(census);
  return figures_of(census);
}

STRATA_EXPORT struct mallinfo mallinfo() {
  const struct mallinfo2 wide = mallinfo2();
  const auto narrow = [](std::size_t figure) { return static_cast<int>(figure); };
  struct mallinfo figures{};
  figures.arena = narrow(wide.arena);
  figures.ordblks = narrow(wide.ordblks);
  figures.uordblks = narrow(wide.uordblks);
  figures.fordblks = narrow(wide.fordblks);
  figures.keepcost = narrow(wide.keepcost);
  return figures;
}

/// As glibc's, it is no point at which a thread is cancelled: what it prints is whole.
STRATA_EXPORT void malloc_stats() {
  int cancelled = 0;
  pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelled);
  alloc::Census census;
  alloc::take_census(census);
  const alloc::Count live = census.all_live();
  fprintf(stderr, "Arena 0:\nsystem bytes     = %10zu\nin use bytes     = %10zu\n", census.system,
          live.bytes);
  fprintf(stderr, "Total (incl. mmap):\nsystem bytes     = %10zu\nin use bytes     = %10zu\n",
          census.system, live.bytes);
  fprintf(stderr, "max mmap regions = %10u\nmax mmap bytes   = %10lu\n", 0U, 0UL);
  fprintf(stderr,
          "Strata malloc: %zu arenas; %zu blocks live, %zu bytes free in spans, %zu in caches, %zu "
          "to be given back\n",
          census.arenas, live.blocks, census.free.bytes, census.cached.bytes, census.dirty);
  pthread_setcancelstate(cancelled, nullptr);
}

STRATA_EXPORT int malloc_info(int options, FILE* stream) {
  if (options != 0) return EINVAL;
  alloc::Census census;
  alloc::take_census(census);
  const alloc::Count live = census.all_live();
  fprintf(stream, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
  for (unsigned c = 1; c < alloc::kClasses; ++c) {
    const alloc::Count& of_class = census.live[c];
    if (of_class.blocks == 0) continue;
    const std::size_t size = alloc::size_of_class(c);
    fprintf(stream, "  <size from=\"%zu\" to=\"%zu\" total=\"%zu\" count=\"%zu\"/>\n",
            c == 1 ? 0 : alloc::size_of_class(c - 1) + 1, size, of_class.bytes, of_class.blocks);
  }
  const auto totals = [&] {
    fprintf(stream, "<total type=\"fast\" count=\"%zu\" size=\"%zu\"/>\n", census.cached.blocks,
            census.cached.bytes);
    fprintf(stream, "<total type=\"rest\" count=\"%zu\" size=\"%zu\"/>\n",
            census.free.blocks + census.free_runs.blocks,
            census.free.bytes + census.free_runs.bytes);
  };
  const auto system = [&] {
    fprintf(stream, "<system type=\"current\" size=\"%zu\"/>\n", census.system);
    fprintf(stream, "<system type=\"max\" size=\"%zu\"/>\n", census.system);
    fprintf(stream, "<aspace type=\"total\" size=\"%zu\"/>\n", census.system + census.beside);
    fprintf(stream, "<aspace type=\"mprotect\" size=\"%zu\"/>\n", census.system + census.beside);
  };
  fprintf(stream, "</sizes>\n");
  totals();
  system();
  fprintf(stream, "</heap>\n");
  totals();
  fprintf(stream, "<total type=\"mmap\" count=\"%zu\" size=\"%zu\"/>\n", census.live_runs.blocks,
          census.live_runs.bytes);
  fprintf(stream, "<total type=\"live\" count=\"%zu\" size=\"%zu\"/>\n", live.blocks, live.bytes);
  system();
  fprintf(stream, "</malloc>\n");
  return 0;
}

STRATA_EXPORT int malloc_trim(std::size_t) {
  return alloc::space.has_begun() && alloc::purge_everything() > 0 ? 1 : 0;
}

/// What has a meaning here is taken; thresholds and arenas are of glibc's mechanism, and accepted,
/// for programs set them and treat a refusal as an error.
STRATA_EXPORT int mallopt(int parameter, int value) {
  switch (parameter) {
    case M_TRIM_THRESHOLD:
      // mallopt(3): -1 disables trimming.
      if (value == -1) alloc::set_option("decay", "0");
      return 1;
    case M_MXFAST:
    case M_TOP_PAD:
    case M_MMAP_THRESHOLD:
    case M_MMAP_MAX:
    case M_CHECK_ACTION:
    case M_PERTURB:
    case M_ARENA_TEST:
    case M_ARENA_MAX:
      return 1;
    default:
      return 0;
  }
}

STRATA_EXPORT int strata_malloc_option(const char* key, const char* value) {
  if (key == nullptr || value == nullptr) return EINVAL;
  switch (alloc::set_option(key, value)) {
    case alloc::Setting::kDone:
      return 0;
    case alloc::Setting::kNoSuchKey:
      return ENOENT;
    case alloc::Setting::kWrongValue:
      return EINVAL;
    case alloc::Setting::kTooLate:
      break;
  }
  return EBUSY;
}
