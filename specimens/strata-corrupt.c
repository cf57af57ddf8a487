// strata-corrupt - a heap on the Strata malloc, which has to be preloaded, of which it damages
// malloc's own memory in the one way that its argument names, after it has stated what stood there;
// without one it names the ways and leaves the heap whole. It finds each place by the table that
// the library exports (abi/malloc_layout.h), and neither takes nor frees a block afterwards.
#include <dlfcn.h>

#include "specimen.h"

enum { kBlock = 48, kBlocks = 2000, kFreed = 700, kRun = 200000, kRuns = 33, kIsFree = 1 };

typedef struct {
  uint64_t base, bytes, states, spans, frontier;
  uint32_t unit_shift, granule_shift;
} Zone;

typedef struct {
  char magic[16];
  uint32_t version, bytes;
  Zone small, medium;
  struct {
    uint64_t base, bytes, entries, dirty, frontier;
  } pages;
  uint64_t metadata, metadata_bytes, all, all_bytes, class_sizes;
  uint32_t classes, page_size;
  uint64_t arenas;
  uint32_t arena_next;
  uint32_t span_size, span_owner, span_class, span_free, span_carved, span_purged;
  uint32_t entry_size, entry_pages, entry_use;
  uint64_t heaps;
  uint32_t of_heaps[10];
  uint64_t samples[7];
  uint64_t own, own_bytes, small_dirty, small_clean, medium_dirty, medium_clean;
} Table;

static const Table* table;
static Byte *blocks[kBlocks], *runs[kRuns];
static Byte *block, *run, *free_run;  // a live block, a live run, and one that is free behind it

static void* at_address(uint64_t address) { return (void*)(uintptr_t)address; }

static Byte* state_of(const Byte* of) {
  return at_address(table->small.states +
                    (((uintptr_t)of - table->small.base) >> table->small.granule_shift));
}
static uint64_t unit_of(const Byte* of) {
  return ((uintptr_t)of - table->small.base) >> table->small.unit_shift;
}
static Byte* span_of(const Byte* of) {
  return at_address(table->small.spans + unit_of(of) * table->span_size);
}
static uint64_t page_of(const Byte* of) {
  return ((uintptr_t)of - table->pages.base) / table->page_size;
}
static Byte* entry_of(uint64_t page) {
  return at_address(table->pages.entries + page * table->entry_size);
}

static void damage(void* at, const void* is, size_t bytes) {
  state("damage.at", at);
  state("damage.bytes", bytes);
  for (size_t i = 0; i < bytes; ++i) ((volatile Byte*)at)[i] = ((const Byte*)is)[i];
}
static void damage_byte(Byte* at, Byte is) { damage(at, &is, 1); }
static void add_to_word(Byte* at, uint32_t more) {
  uint32_t word;
  memcpy(&word, at, sizeof word);
  word += more;
  damage(at, &word, sizeof word);
}

static void change_class(void) {
  state("damage.block", block);
  damage_byte(state_of(block), 1);
}
static void clear_state(void) {
  state("damage.block", block);
  damage_byte(state_of(block), 0);
}
static void begin_between(void) {
  state("damage.block", block + 16);
  damage_byte(state_of(block + 16), kBlock / 16);
}
static void count_one_more(void) { add_to_word(span_of(block) + table->span_free, 1); }
static void cut_one_less(void) {
  // Of what was cut the last one's state is what is wrong then.
  uint32_t carved;
  memcpy(&carved, span_of(block) + table->span_carved, sizeof carved);
  const uint64_t unit = table->small.base + (unit_of(block) << table->small.unit_shift);
  state("damage.block", at_address(unit + (uint64_t)(carved - 1) * kBlock));
  --carved;
  state("damage.at", state_of(at_address(unit + (uint64_t)carved * kBlock)));
  memcpy(span_of(block) + table->span_carved, &carved, sizeof carved);
}
static void give_to_nobody(void) {
  const uint64_t other = table->metadata + 8;
  damage(span_of(block) + table->span_owner, &other, sizeof other);
}
static void take_class_away(void) { damage_byte(span_of(block) + table->span_class, 63); }
static void count_as_free(void) {
  const uint64_t unit = unit_of(block);
  uint64_t* const word = (uint64_t*)at_address(table->small_dirty) + unit / 64;
  const uint64_t is = *word | UINT64_C(1) << unit % 64;
  state("damage.at", span_of(block));
  memcpy(word, &is, sizeof is);
}
static void forget_span(void) {
  const uint64_t nobody = 0;
  damage(span_of(block) + table->span_owner, &nobody, sizeof nobody);
}
static void lengthen_run(void) {
  const uint64_t pages = kRun / table->page_size + 1;
  // Where the next one would begin is what is wrong then.
  state("damage.at", entry_of(page_of(run) + pages + 1));
  const uint32_t longer = (uint32_t)pages + 1;
  memcpy(entry_of(page_of(run)) + table->entry_pages, &longer, sizeof longer);
}
static void misuse_run(void) {
  state("damage.at", entry_of(page_of(run)));
  entry_of(page_of(run))[table->entry_use] = 9;
}
static void end_run_elsewhere(void) {
  uint32_t pages;
  memcpy(&pages, entry_of(page_of(free_run)) + table->entry_pages, sizeof pages);
  Byte* const last = entry_of(page_of(free_run) + pages - 1);
  const uint32_t other = pages + 7;
  state("damage.at", last);
  memcpy(last + table->entry_pages, &other, sizeof other);
}
static void mark_dirty(void) {
  const uint64_t page = page_of(run);
  uint64_t* const word = (uint64_t*)at_address(table->pages.dirty) + page / 64;
  const uint64_t is = *word | UINT64_C(1) << page % 64;
  damage(word, &is, sizeof is);
}

static const struct {
  const char* name;
  void (*damage)(void);
} kKinds[] = {
    {"state-of-another-class", change_class},
    {"state-none", clear_state},
    {"state-between", begin_between},
    {"free-count", count_one_more},
    {"cut-count", cut_one_less},
    {"owner-none", give_to_nobody},
    {"class-none", take_class_away},
    {"span-counted-free", count_as_free},
    {"span-without-owner", forget_span},
    {"run-too-long", lengthen_run},
    {"run-of-no-use", misuse_run},
    {"free-run-end", end_run_elsewhere},
    {"live-page-dirty", mark_dirty},
};
enum { kKindCount = sizeof kKinds / sizeof *kKinds };

static void make_heap(void) {
  for (int i = 0; i < kBlocks; ++i) {
    blocks[i] = malloc(kBlock);
    must(blocks[i] != NULL);
  }
  for (int i = 0; i < kRuns; ++i) {
    runs[i] = malloc(kRun);
    must(runs[i] != NULL);
    *runs[i] = 1;
  }
  block = blocks[kBlocks / 4];
  run = runs[2];
  for (int i = kBlocks - kFreed; i < kBlocks; ++i) free(blocks[i]);
  // Some of about a length are kept at hand, and one that has to make room for another is free.
  uintptr_t freed[kRuns / 2];
  for (int i = 0; i < kRuns / 2; ++i) freed[i] = (uintptr_t)runs[2 * i + 1];
  for (int i = 0; i < kRuns / 2; ++i) free(runs[2 * i + 1]);
  for (int i = 0; i < kRuns / 2 && free_run == NULL; ++i) {
    Byte* const first = (Byte*)freed[i];
    if (entry_of(page_of(first))[table->entry_use] == kIsFree) free_run = first;
  }
  must(free_run != NULL);
}

int main(int count, char** arguments) {
  table = dlsym(RTLD_DEFAULT, "strata_malloc_layout");
  if (table == NULL) skip("it does not run on the Strata malloc");
  int kind = -1;
  for (int i = 0; count > 1 && i < kKindCount; ++i) {
    if (strcmp(arguments[1], kKinds[i].name) == 0) kind = i;
  }
  if (count > 1 && kind < 0) {
    dprintf(STDERR_FILENO, "specimen: strata-corrupt knows no \"%s\"\n", arguments[1]);
    return 2;
  }
  make_heap();
  must(table->version == 1 && table->bytes >= sizeof *table);  // filled in with the first block
  for (int i = 0; i < kKindCount; ++i) state(numbered("kind.%d", i), kKinds[i].name);
  state("live.block", block);
  state("live.run", run);
  if (kind >= 0) kKinds[kind].damage();
  ready();
}
