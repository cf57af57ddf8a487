// heap-many - as many blocks as it is told, each held by a table and by another, some of them
// freed.
//   heap-many [CHUNKS [PERCENT [LARGEST]]]   20000 of 16 to 400 bytes, 30 in a hundred freed
#include <malloc.h>

#include "specimen.h"

static uint64_t seed = 88172645463325252u;

static uint64_t next_random(void) {
  seed ^= seed << 13;
  seed ^= seed >> 7;
  seed ^= seed << 17;
  return seed;
}

int main(int argc, char** argv) {
  const size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20000;
  const size_t percent = argc > 2 ? strtoul(argv[2], NULL, 10) : 30;
  const size_t largest = argc > 3 ? strtoul(argv[3], NULL, 10) : 400;
  void*** const table = malloc(count * sizeof *table);
  must(table != NULL && largest > 16);
  for (size_t i = 0; i < count; ++i) {
    table[i] = malloc(16 + next_random() % (largest - 16));
    must(table[i] != NULL);
    table[i][0] = i == 0 ? NULL : table[(next_random() >> 20) % i];
    table[i][1] = NULL;
  }
  size_t live = count;
  for (size_t i = 0; i < count; ++i) {
    if (next_random() % 100 >= percent) continue;
    free(table[i]);
    table[i] = NULL;
    --live;
  }
  const struct mallinfo2 own = mallinfo2();
  state("live.chunks", live);
  state_range("table", table, count * sizeof *table);
  state("table.anonymous", count * sizeof *table);
  state("glibc.arena", own.arena);
  state("glibc.ordblks", own.ordblks);
  state("glibc.smblks", own.smblks);
  state("glibc.hblks", own.hblks);
  state("glibc.hblkhd", own.hblkhd);
  state("glibc.fsmblks", own.fsmblks);
  state("glibc.uordblks", own.uordblks);
  state("glibc.fordblks", own.fordblks);
  state("glibc.keepcost", own.keepcost);
  ready();
}
