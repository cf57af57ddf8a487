// malloc-tells-of-itself-as-glibc-does - mallinfo2, malloc_info, malloc_stats, mallopt and
// malloc_trim take and give the same shapes, and the figures follow what the program does.
#include "../expect.h"

int main(void) {
  expect(mallopt(M_ARENA_MAX, 2) == 1);
  expect(mallopt(M_MMAP_THRESHOLD, 256 * kKiB) == 1);
  expect(mallopt(M_TRIM_THRESHOLD, 256 * kKiB) == 1);

  enum { kBlocks = 20000, kSize = 1000 };
  static void* blocks[kBlocks];
  const struct mallinfo2 before = mallinfo2();
  for (int i = 0; i < kBlocks; ++i) memset(blocks[i] = malloc(kSize), 1, kSize);
  const struct mallinfo2 during = mallinfo2();
  const size_t grown = during.uordblks + during.hblkhd - before.uordblks - before.hblkhd;
  expect(grown >= (size_t)kBlocks * kSize && grown < (size_t)kBlocks * kSize * 3 / 2);
  const struct mallinfo narrow = mallinfo();
  expect(narrow.uordblks > 0 || narrow.hblkhd > 0);

  char* text = NULL;
  size_t size = 0;
  FILE* const stream = open_memstream(&text, &size);
  expect(malloc_info(1, stream) == EINVAL);
  expect(malloc_info(0, stream) == 0);
  expect(fclose(stream) == 0);
  expect(strncmp(text, "<malloc version=\"", 17) == 0);
  expect(strstr(text, "<heap nr=\"0\">") && strstr(text, "</heap>"));
  expect(strstr(text, "<system type=\"current\" size=\"") &&
         strstr(text, "<total type=\"mmap\" count=\""));
  expect(strcmp(text + size - 10, "</malloc>\n") == 0);
  free(text);

  // To stderr, which is a file for as long.
  FILE* const file = tmpfile();
  const int errors = dup(2);
  fflush(stderr);
  expect(file && dup2(fileno(file), 2) == 2);
  malloc_stats();
  fflush(stderr);
  dup2(errors, 2);
  char said[4096] = "";
  rewind(file);
  expect(fread(said, 1, sizeof said - 1, file) > 0);
  expect(strstr(said, "Arena 0:") && strstr(said, "system bytes") && strstr(said, "in use bytes"));

  for (int i = 0; i < kBlocks; ++i) free(blocks[i]);
  const struct mallinfo2 after = mallinfo2();
  expect(after.uordblks + after.hblkhd <
             during.uordblks + during.hblkhd - (size_t)kBlocks * kSize * 9 / 10 ||
         after.uordblks < before.uordblks + 100 * kKiB);
}
