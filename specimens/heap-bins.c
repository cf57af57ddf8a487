// heap-bins - free chunks in every place that glibc has for them: caches, fast, small and large
// bins, unsorted, a last remainder. A live block stands after each, so that no two join: what was
// freed is as many chunks, whichever version put them where. Names say where 2.31 to 2.42 has them;
// from 2.43 there are no fast bins, and the caches take 16 of a size instead of 7.
#include "heap-words.h"

enum { kMost = 40, kKeepsApart = 24, kSplit = 500, kAboveAll = 600000, kMapped = 2 << 20 };

// In the order in which they are freed.
static const struct {
  const char* name;
  size_t size;
  int blocks;
} kGroups[] = {
    {"small.0", 200, 40},
    {"small.1", 408, 30},
    {"small.2", 904, 25},
    {"large.0", 1520, 2},  // four sizes in one bin: fd_nextsize leads from each to the next
    {"large.1", 1536, 3},
    {"large.2", 1552, 1},
    {"large.3", 1568, 2},
    {"large.4", 41000, 1},
    {"large.5", 42000, 2},
    {"large.6", 44000, 1},
    {"large.7", 300000, 1},
    // Here a request above them all has those sorted, and a small one splits one of them.
    {"fast.0", 24, 20},
    {"fast.1", 56, 23},
    {"fast.2", 120, 26},
    {"unsorted.0", 2000, 3},
    {"unsorted.1", 5000, 1},
    {"unsorted.2", 30000, 1},
    {"tcache.0", 312, 1},
    {"tcache.1", 328, 2},
    {"tcache.2", 344, 3},
    {"tcache.3", 360, 5},
    {"tcache.4", 1000, 7},
};
enum { kGroupCount = sizeof kGroups / sizeof *kGroups, kSorted = 11 };

static Byte* blocks[kGroupCount][kMost];
static void* apart[kGroupCount][kMost];
static size_t usable[kGroupCount];
static Tally live, freed;

static void give_back_groups(int from, int to) {
  for (int group = from; group < to; ++group) {
    for (int i = 0; i < kGroups[group].blocks; ++i) give_back(blocks[group][i], &live, &freed);
  }
}

/// The freed block whose place a request was given, by its address.
static int split_group(const void* at) {
  for (int group = 0; group < kSorted; ++group) {
    for (int i = 0; i < kGroups[group].blocks; ++i) {
      if (blocks[group][i] == at) return group;
    }
  }
  return -1;
}

int main(void) {
  must(mallopt(M_MMAP_THRESHOLD, 1 << 20) == 1);  // fixed, or the 300000 bytes would have a mapping
  for (int group = 0; group < kGroupCount; ++group) {
    for (int i = 0; i < kGroups[group].blocks; ++i) {
      blocks[group][i] = take_counted(kGroups[group].size, &live);
      apart[group][i] = take_counted(kKeepsApart, &live);
    }
    usable[group] = malloc_usable_size(blocks[group][0]);
  }
  static void *above_all, *split, *mapped;
  give_back_groups(0, kSorted);
  above_all = take_counted(kAboveAll, &live);
  mapped = take_counted(kMapped, &live);
  memset(mapped, 1, kMapped);
  split = take_counted(kSplit, &live);
  give_back_groups(kSorted, kGroupCount);

  for (int group = 0; group < kGroupCount; ++group) {
    const char* const name = kGroups[group].name;
    say("%s.requested=%zu\n%s.usable=%zu\n", name, kGroups[group].size, name, usable[group]);
    say("%s.freed=%d\n", name, kGroups[group].blocks);
    say("%s.first_freed=%p\n", name, (void*)blocks[group][0]);
    say("%s.last_freed=%p\n", name, (void*)blocks[group][kGroups[group].blocks - 1]);
    say("%s.first_apart=%p\n", name, apart[group][0]);
  }
  // Split off was the beginning; the rest is what malloc put by as last remainder.
  const int group = split_group(split);
  must(group >= 0);
  const size_t taken = malloc_usable_size(split) + sizeof(size_t);
  freed.bytes -= taken;
  state_block("split", split);
  state("split.group", kGroups[group].name);
  state("last_remainder.freed", (Byte*)split + taken);
  state("last_remainder.usable", usable[group] - taken);
  state_block("above_all", above_all);
  state_block("mapped", mapped);
  state_range("mapped", mapped, kMapped);
  state("mapped.anonymous", kMapped);
  state_tally("live", live);
  state_tally("free", freed);  // binned or cached, without top
  state_glibc();
  ready();
}
