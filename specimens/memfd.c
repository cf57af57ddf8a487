// memfd - three files without a name: mapped twice, never mapped, and mapped privately.
#include "specimen.h"

enum { kPages = 64, kWritten = 24 };

static int make_file(const char* name) {
  const int file = memfd_create(name, MFD_CLOEXEC);
  must(file >= 0 && ftruncate(file, kPages * kPage) == 0);
  return file;
}

static Byte* map_file(int file, int kind) {
  Byte* const from = mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, kind, file, 0);
  must(from != MAP_FAILED);
  return from;
}

int main(void) {
  // Counted once by the kernel's tmpfs and twice in this process's RSS.
  const int twice = make_file("twice");
  Byte* const first = map_file(twice, MAP_SHARED);
  Byte* const second = map_file(twice, MAP_SHARED);
  write_pages(first, kPages);
  read_pages(second, kPages);
  state_range("twice.first", first, kPages * kPage);
  state("twice.first.file", kPages * kPage);
  state_range("twice.second", second, kPages * kPage);
  state("twice.second.file", kPages * kPage);
  state("twice.fd", twice);
  state("twice.allocated", kPages * kPage);

  // In no mapping, so in none of the process's counters.
  const int unmapped = make_file("unmapped");
  static const Byte page[kPage] = {1};
  for (int i = 0; i < kPages; ++i) must(pwrite(unmapped, page, kPage, i * kPage) == kPage);
  state("unmapped.fd", unmapped);
  state("unmapped.allocated", kPages * kPage);

  // Half of a private mapping is the file's pages, the written part copies of them.
  const int private = make_file("private");
  for (int i = 0; i < kPages; ++i) must(pwrite(private, page, kPage, i * kPage) == kPage);
  Byte* const partly = map_file(private, MAP_PRIVATE);
  read_pages(partly, kPages);
  write_pages(partly, kWritten);
  state_range("partly", partly, kPages * kPage);
  state("partly.anonymous", kWritten * kPage);
  state("partly.file", (kPages - kWritten) * kPage);
  state("partly.fd", private);
  state("partly.allocated", kPages * kPage);
  ready();
}
