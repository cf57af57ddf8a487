// inspect/object/glibc_blocks.h - glibc's chunks as blocks for the search for leaks.
// Chunks follow one another by their sizes, so they are met as their ground is read; which of them
// stand in fast bins is known behind the last one.
// Threads one at a time.
#pragma once

#include <optional>

#include "inspect/heap/glibc/fast_bins.h"
#include "inspect/heap/glibc/heap.h"
#include "inspect/object/heap_blocks.h"

namespace strata {

class GlibcBlocks final : public HeapBlocks {
 public:
  /// `memory` must outlive it.
  GlibcBlocks(const PresentMemory& memory, glibc::Heap heap);

  std::string_view name() const override { return "glibc's heap"; }
  BlockGround ground() const override;
  Bytes read(BlockMap& map, References& references) override;
  void settle(BlockMap& map) override;
  std::vector<Range> own() const override;
  std::vector<Range> lost() const override { return lost_; }
  std::vector<pid_t> waiting() const override { return heap_.waiting; }
  std::vector<std::string> notes() const override;

 private:
  const PresentMemory& memory_;
  glibc::Heap heap_;
  glibc::FastBins fast_;
  std::vector<Range> lost_;
};

}  // namespace strata
