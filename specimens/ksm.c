// ksm - alike pages that the kernel has merged into one.
// Needs a ksmd that runs, or the right to start it; then it is stopped again as it was found.
#include "specimen.h"

enum { kPages = 64, kPatience = 20000 };
static const char kRun[] = "/sys/kernel/mm/ksm/run";

static int merged_pages(void) {
  char text[32] = "";
  const int file = open("/proc/self/ksm_merging_pages", O_RDONLY | O_CLOEXEC);
  if (file < 0) skip("this kernel does not say how many pages KSM has merged");
  must(read(file, text, sizeof text - 1) >= 0);
  close(file);
  return atoi(text);
}

int main(void) {
  Byte* const from = map_pages(kPages);
  for (size_t i = 0; i < kPages; ++i) memset(from + i * kPage, 0x5A, kPage);
  if (madvise(from, kPages * kPage, MADV_MERGEABLE) != 0) skip("this kernel has no KSM");

  char before = '0';
  const int run = open(kRun, O_RDWR | O_CLOEXEC);
  if (run < 0) {
    const int look = open(kRun, O_RDONLY | O_CLOEXEC);
    if (look < 0 || read(look, &before, 1) != 1 || before != '1') skip("KSM does not run");
  } else {
    must(pread(run, &before, 1, 0) == 1);
    if (before != '1') must(pwrite(run, "1", 1, 0) == 1);
  }
  int merged = 0;
  for (int waited = 0; merged < kPages && waited < kPatience; waited += 10) {
    usleep(10000);
    merged = merged_pages();
  }
  if (run >= 0 && before != '1') must(pwrite(run, "0", 1, 0) == 1);  // what is merged stays so
  if (merged < kPages) skip("ksmd did not merge the pages in time");
  state_range("alike", from, kPages * kPage);
  state("alike.ksm", kPages * kPage);  // the word of /proc/self/ksm_merging_pages
  state("alike.resident", kPages * kPage);
  ready();
}
