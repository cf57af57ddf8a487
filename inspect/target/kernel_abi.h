// inspect/target/kernel_abi.h - kernel structures newer than the headers that we build with.
// Source  Linux 6.18 include/uapi/linux/fs.h (PAGEMAP_SCAN 6.7, PROCMAP_QUERY 6.11) and
//         Documentation/admin-guide/mm/pagemap.rst. Debian 12 ships the headers of 6.1.
#pragma once

#include <linux/ioctl.h>

#include <cstdint>

namespace strata::abi {

// One 64-bit entry of /proc/PID/pagemap.
inline constexpr std::uint64_t kPagemapFrameMask = (1ull << 55) - 1;
inline constexpr std::uint64_t kPagemapExclusive = 1ull << 56;
inline constexpr std::uint64_t kPagemapGuard = 1ull << 58;
inline constexpr std::uint64_t kPagemapFile = 1ull << 61;
inline constexpr std::uint64_t kPagemapSwapped = 1ull << 62;
inline constexpr std::uint64_t kPagemapPresent = 1ull << 63;

// Categories of PAGEMAP_SCAN. kPageIsGuard came with 6.14; older kernels refuse the bit.
inline constexpr std::uint64_t kPageIsFile = 1 << 2;
inline constexpr std::uint64_t kPageIsPresent = 1 << 3;
inline constexpr std::uint64_t kPageIsSwapped = 1 << 4;
inline constexpr std::uint64_t kPageIsPfnZero = 1 << 5;
inline constexpr std::uint64_t kPageIsHuge = 1 << 6;
inline constexpr std::uint64_t kPageIsGuard = 1 << 8;

struct PageRegion {
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t categories;
};

struct PagemapScan {
  std::uint64_t size;
  std::uint64_t flags;
  std::uint64_t start;
  std::uint64_t end;
  std::uint64_t walk_end;
  std::uint64_t vec;
  std::uint64_t vec_len;
  std::uint64_t max_pages;
  std::uint64_t category_inverted;
  std::uint64_t category_mask;
  std::uint64_t category_anyof_mask;
  std::uint64_t return_mask;
};
inline constexpr unsigned long kPagemapScan = _IOWR('f', 16, PagemapScan);

struct ProcmapQuery {
  std::uint64_t size;
  std::uint64_t query_flags;
  std::uint64_t query_addr;
  std::uint64_t vma_start;
  std::uint64_t vma_end;
  std::uint64_t vma_flags;
  std::uint64_t vma_page_size;
  std::uint64_t vma_offset;
  std::uint64_t inode;
  std::uint32_t dev_major;
  std::uint32_t dev_minor;
  std::uint32_t vma_name_size;
  std::uint32_t build_id_size;
  std::uint64_t vma_name_addr;
  std::uint64_t build_id_addr;
};
inline constexpr unsigned long kProcmapQuery = _IOWR('f', 17, ProcmapQuery);

}  // namespace strata::abi
