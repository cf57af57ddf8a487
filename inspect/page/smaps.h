// inspect/page/smaps.h - the kernel's own figures for each mapping.
// Source  /proc/PID/smaps and smaps_rollup (proc(5); Linux fs/proc/task_mmu.c).
// Units   The kernel rounds each figure down to 1 KiB; here they are Bytes.
// Errors  kCorrupt with the line. A figure that this kernel does not print stays 0.
// Cost    The kernel walks all page tables once for it, about five times as long as PAGEMAP_SCAN.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "base/units.h"
#include "inspect/target/target.h"

namespace strata {

/// VmFlags that change what a mapping's pages mean.
struct MappingTraits {
  bool hugetlb = false;     ///< "ht": of the hugetlb pool, outside RSS
  bool frames = false;      ///< "pf": mapped by frame number, outside every counter
  bool device = false;      ///< "io": a device's memory
  bool grows_down = false;  ///< "gd": the main thread's stack
  bool locked = false;      ///< "lo"
};

struct MappingUsage {
  Range range;
  Bytes resident;
  Bytes proportional;
  Bytes shared_clean;
  Bytes shared_dirty;
  Bytes private_clean;
  Bytes private_dirty;
  Bytes anonymous;
  Bytes same_page_merged;  ///< KSM
  Bytes lazily_freed;      ///< MADV_FREE, not reclaimed yet
  Bytes anonymous_huge;
  Bytes shared_huge;  ///< shared memory mapped by huge pages
  Bytes file_huge;
  Bytes shared_hugetlb;
  Bytes private_hugetlb;
  Bytes swapped;
  Bytes proportional_swap;
  Bytes locked;
  Bytes kernel_page;  ///< what the mapping is made of: above page_size() it is of the hugetlb pool
  MappingTraits traits;

  /// Adds the figures, leaving range and traits as they are.
  void add(const MappingUsage& other);
};

/// All mappings' figures, by address. Memory grows with the number of mappings alone.
/// `expected` is about how many there are, where that is known.
Result<std::vector<MappingUsage>> read_smaps(const Target& target, std::size_t expected = 0,
                                             const Progress& progress = {});
/// The kernel's own sum (Linux 4.14); kUnsupported or kNotFound before.
Result<MappingUsage> read_smaps_rollup(const Target& target);

/// Takes smaps text in pieces as it is read; also what is fuzzed.
class SmapsParser {
 public:
  explicit SmapsParser(std::vector<MappingUsage>& into) : into_(into) {}
  Result<void> feed(std::string_view text);
  Result<void> finish();

 private:
  /// A figure's line as it stands in each entry of one kernel: "Rss:        12 kB".
  struct FormLine {
    std::size_t offset;            // from the first figure
    std::size_t size;              // without the newline
    std::string key;               // with its colon
    Bytes MappingUsage::* figure;  // null: not kept

    bool key_matches(const char* start) const;
  };

  Result<void> take_line(std::string_view line);
  Result<void> take_figure(std::string_view line);
  void learn(std::string_view line, std::string_view key, Bytes MappingUsage::* figure);
  bool take_alike(std::string_view text);

  std::vector<MappingUsage>& into_;
  std::string partial_;
  std::size_t expected_ = 0;  // which field most likely comes next
  // The first entry's figures. All entries of a kernel have the same lines of the same lengths, so
  // the others are read at known places; one that is not alike is read line by line as the first.
  std::vector<FormLine> form_;
  std::size_t form_size_ = 0;
  bool form_is_whole_ = false;
  bool form_is_odd_ = false;
  // The last entry that was read so: its figures' text, and what it said, without its flags.
  std::string last_text_;
  MappingUsage last_;
};

}  // namespace strata
