// inspect/ledger/survey.h - everything that anybody claims about a target's address space.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inspect/heap/heap_reader.h"
#include "inspect/page/present_memory.h"
#include "inspect/space/chart.h"
#include "inspect/space/claim.h"
#include "inspect/space/shelf.h"
#include "inspect/space/space.h"

namespace strata {

struct Survey {
  Space space;
  std::vector<Claim> claims;  ///< in any order; ranks decide
  /// Of heaps whose blocks are told apart; they read the memory that was surveyed.
  std::vector<std::unique_ptr<HeapWalk>> walks;
  std::shared_ptr<glibc::Contents> glibc;                  ///< complete once its walk is over
  std::shared_ptr<strata_malloc::Contents> strata_malloc;  ///< likewise
  std::vector<std::string> notes;  ///< what could not be seen, a sentence each
  Bytes memory_read;               ///< of the target's own bytes, by readers of heaps
};

/// Asks every source of claims; accounts and evidence go into `chart`. `frozen` as in read_space().
/// Files are taken from `shelf`.
Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart, Shelf& shelf,
                           HeapScene::Depth heaps = HeapScene::Depth::kWalk);
Result<Survey> take_survey(const PresentMemory& memory, const std::vector<Thread>& frozen,
                           Chart& chart);

/// Puts on `shelf` what a survey will want of files, before the target is stopped for it. What it
/// cannot have the survey will say.
void fill_shelf(const PresentMemory& memory, Shelf& shelf);

}  // namespace strata
