// tests/kernel-says.c - what the kernel itself says of a range of a process's memory, as key=value.
// The judge of specimens and of Strata, so it uses no code of either. Sizes are bytes; a page that
// the range cuts counts with the part inside.
// Source  /proc/PID/{smaps,pagemap}, PAGEMAP_SCAN, /proc/{kpageflags,kpagecount}; Linux
//         Documentation/admin-guide/mm/pagemap.rst.
// Errors  What cannot be read here (no root, an older kernel) is left out, never put as 0.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { kPage = 4096, kBlock = 4096 };
// pagemap entries
static const uint64_t kGuard = 1ull << 58, kFile = 1ull << 61, kSwapped = 1ull << 62;
static const uint64_t kPresent = 1ull << 63, kExclusive = 1ull << 56;
static const uint64_t kFrame = (1ull << 55) - 1;
// /proc/kpageflags
static const uint64_t kKsm = 1ull << 21, kZeroFrame = 1ull << 24;
// PAGEMAP_SCAN (Linux 6.7); Debian 12's headers have none of it.
static const uint64_t kScanZero = 1 << 5, kScanHuge = 1 << 6;
struct ScanRegion {
  uint64_t start, end, categories;
};
struct Scan {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
#define SCAN _IOWR('f', 16, struct Scan)

static uint64_t from, to;  // the range asked for

static _Noreturn void fail(const char* what) {
  fprintf(stderr, "kernel-says: %s: %s\n", what, strerror(errno));
  exit(2);
}

static int open_of(const char* pid, const char* name, bool required) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s%s%s", pid, *pid ? "/" : "", name);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0 && required) fail(path);
  return file;
}

static uint64_t overlap(uint64_t start, uint64_t end) {
  if (start < from) start = from;
  if (end > to) end = to;
  return start < end ? end - start : 0;
}

static void put(const char* key, uint64_t value) { printf("%s=%" PRIu64 "\n", key, value); }

// A mapping that touches the range.
struct Mapping {
  uint64_t start, end;
  uint64_t resident, swap, private_clean, private_dirty;
  bool frames, pool;  // VM_PFNMAP, hugetlb: present, and not in RSS
};
static struct Mapping* mappings;
static size_t mapping_count;

static void read_smaps(const char* pid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/smaps", pid);
  FILE* const smaps = fopen(path, "re");
  if (smaps == NULL) fail(path);
  char* line = NULL;
  size_t room = 0;
  struct Mapping* in = NULL;
  while (getline(&line, &room, smaps) > 0) {
    uint64_t start, end, kb;
    char key[64];
    if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s", &start, &end) == 2) {
      in = NULL;
      if (overlap(start, end) == 0) continue;
      mappings = realloc(mappings, (mapping_count + 1) * sizeof *mappings);
      if (mappings == NULL) fail("mappings");
      in = &mappings[mapping_count++];
      *in = (struct Mapping){.start = start, .end = end};
    } else if (in != NULL && strncmp(line, "VmFlags:", 8) == 0) {
      in->frames = strstr(line, " pf") != NULL;
      in->pool = strstr(line, " ht") != NULL;
    } else if (in != NULL && sscanf(line, "%63[^:]: %" SCNu64 " kB", key, &kb) == 2) {
      if (strcmp(key, "Rss") == 0) in->resident = kb << 10;
      if (strcmp(key, "Swap") == 0) in->swap = kb << 10;
      if (strcmp(key, "Private_Clean") == 0) in->private_clean = kb << 10;
      if (strcmp(key, "Private_Dirty") == 0) in->private_dirty = kb << 10;
    }
  }
  free(line);
  fclose(smaps);
}

// The runs of pages in one category; false where the kernel has no PAGEMAP_SCAN.
static bool scan(int pagemap, uint64_t category, struct ScanRegion** runs, size_t* count) {
  struct ScanRegion found[64];
  struct Scan scan = {.size = sizeof scan,
                      .end = (to + kPage - 1) & -(uint64_t)kPage,
                      .vec = (uintptr_t)found,
                      .vec_len = 64,
                      .category_mask = category,
                      .return_mask = category};
  for (uint64_t at = from & -(uint64_t)kPage; at < scan.end;) {
    scan.start = at;
    const int got = ioctl(pagemap, SCAN, &scan);
    if (got < 0) return false;
    if (got == 0) break;
    *runs = realloc(*runs, (*count + (size_t)got) * sizeof **runs);
    if (*runs == NULL) fail("runs");
    memcpy(*runs + *count, found, (size_t)got * sizeof *found);
    *count += (size_t)got;
    at = found[got - 1].end;
  }
  return true;
}

static bool read_word(int file, uint64_t index, uint64_t* word) {
  return file >= 0 &&
         pread(file, word, sizeof *word, (off_t)(index * sizeof *word)) == sizeof *word;
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fprintf(stderr, "usage: kernel-says PID ADDRESS SIZE\n");
    return 2;
  }
  from = strtoull(argv[2], NULL, 0);
  to = from + strtoull(argv[3], NULL, 0);
  if (to <= from) {
    fprintf(stderr, "kernel-says: no such range: %s bytes from %s\n", argv[3], argv[2]);
    return 2;
  }
  read_smaps(argv[1]);
  const int pagemap = open_of(argv[1], "pagemap", true);
  const int frame_flags = open_of("", "kpageflags", false);
  const int frame_counts = open_of("", "kpagecount", false);

  struct ScanRegion *zero_runs = NULL, *huge_runs = NULL;
  size_t zero_count = 0, huge_count = 0;
  const bool scans = scan(pagemap, kScanZero, &zero_runs, &zero_count) &&
                     scan(pagemap, kScanHuge, &huge_runs, &huge_count);

  uint64_t present = 0, resident = 0, anonymous = 0, file = 0, swapped = 0, guard = 0,
           exclusive = 0;
  uint64_t zero = 0, ksm = 0, pool = 0;
  double proportional = 0;
  bool frames_seen = frame_flags >= 0 && frame_counts >= 0;
  size_t next_zero = 0, mapping = 0;
  uint64_t entries[kBlock];
  const uint64_t last = (to + kPage - 1) / kPage;
  for (uint64_t page = from / kPage; page < last;) {
    const uint64_t want = last - page < kBlock ? last - page : kBlock;
    const ssize_t got = pread(pagemap, entries, want * sizeof *entries, (off_t)(page * 8));
    if (got <= 0) fail("pagemap");
    const uint64_t read = (uint64_t)got / sizeof *entries;
    for (uint64_t i = 0; i < read; ++i, ++page) {
      const uint64_t entry = entries[i], start = page * kPage;
      const uint64_t bytes = overlap(start, start + kPage);
      if (entry & kGuard) guard += bytes;
      if ((entry & kSwapped) && !(entry & kGuard)) swapped += bytes;
      if (!(entry & kPresent)) continue;
      present += bytes;
      while (mapping + 1 < mapping_count && mappings[mapping].end <= start) ++mapping;
      const struct Mapping* const in = mapping_count ? &mappings[mapping] : NULL;
      while (next_zero < zero_count && zero_runs[next_zero].end <= start) ++next_zero;
      bool is_zero = next_zero < zero_count && zero_runs[next_zero].start <= start;
      const uint64_t frame = entry & kFrame;
      uint64_t flags = 0, count = 0;
      if (frame == 0) frames_seen = false;
      if (frame != 0 && read_word(frame_flags, frame, &flags)) {
        is_zero = is_zero || (flags & kZeroFrame);
        if (flags & kKsm) ksm += bytes;
      }
      if (is_zero) zero += bytes;
      if (in != NULL && in->pool) pool += bytes;
      if (is_zero || (in != NULL && (in->pool || in->frames))) continue;
      resident += bytes;
      if (entry & kFile)
        file += bytes;
      else
        anonymous += bytes;
      if (entry & kExclusive) exclusive += bytes;
      if (frame != 0 && read_word(frame_counts, frame, &count) && count > 0) {
        proportional += (double)bytes / (double)count;
      }
    }
  }

  // smaps speaks of whole mappings, so it is asked only where the range is made of such.
  const bool whole =
      mapping_count > 0 && mappings[0].start == from && mappings[mapping_count - 1].end == to;
  uint64_t smaps_resident = 0, smaps_swapped = 0, clean = 0, dirty = 0;
  for (size_t i = 0; i < mapping_count; ++i) {
    smaps_resident += mappings[i].resident;
    smaps_swapped += mappings[i].swap;
    clean += mappings[i].private_clean;
    dirty += mappings[i].private_dirty;
  }
  put("mappings", mapping_count);
  put("present", present);
  put("swapped", whole ? smaps_swapped : swapped);  // pagemap does not see shared memory's
  put("guard", guard);
  put("hugetlb", pool);
  if (scans || frames_seen) {
    put("zero", zero);
    put("resident", resident);
    put("anonymous", anonymous);
    put("file", file);
    put("exclusive", exclusive);
  }
  if (scans) {
    uint64_t huge = 0;
    for (size_t i = 0; i < huge_count; ++i) huge += overlap(huge_runs[i].start, huge_runs[i].end);
    put("huge", huge);
  }
  if (frames_seen) {
    put("ksm", ksm);
    put("proportional", (uint64_t)(proportional + 0.5));
  }
  if (whole) {
    put("smaps_resident", smaps_resident);
    put("private_clean", clean);
    put("private_dirty", dirty);
  }
}
