// inspect/ledger/stocktaking.h - takes stock of a live target: survey and page scan, booked
// together, again until the kernel's counter stands still.
//
//     status ─ survey ─ plan ─ scan ─┬─ sweep ─ ledger, mapping book
//        └── VmRSS equal? ── status ─┘
//
// Threads one at a time.
#pragma once

#include <optional>
#include <thread>
#include <vector>

#include "base/huge_memory.h"
#include "inspect/ledger/claim_sources.h"
#include "inspect/ledger/explanation.h"
#include "inspect/ledger/scan_plan.h"
#include "inspect/ledger/survey.h"
#include "inspect/ledger/sweep.h"
#include "inspect/ledger/usage_reading.h"
#include "inspect/page/page_scanner.h"
#include "inspect/page/present_memory.h"
#include "inspect/space/shelf.h"

namespace strata {

/// Where pages were found that are looked at again afterwards, by address.
struct PagesOfNote {
  std::vector<Range> anonymous;  ///< only where note_anonymous() asked for them
  std::vector<Range> huge;       ///< anonymous, by huge pages
};

class Stocktaking {
 public:
  /// Fills `explanation`; all must outlive it.
  Stocktaking(const Target& target, const ExplainOptions& options, const PageScanner& scanner,
              Explanation& explanation)
      : target_(target),
        options_(options),
        scanner_(scanner),
        e_(explanation),
        usage_(target, options, explanation) {}
  ~Stocktaking() { end_settling(); }
  Stocktaking(const Stocktaking&) = delete;
  Stocktaking& operator=(const Stocktaking&) = delete;

  /// Reads what must not be read while the target stands, or takes too long for that: files, smaps.
  /// After it no file is opened until stock was taken.
  void prepare();
  void note_anonymous() { notes_anonymous_ = true; }
  /// Takes stock of the target as it runs or, where `frozen` are its threads, stands.
  Result<void> take(const std::vector<Thread>& frozen);
  /// After take(), when the target runs again: books what was seen while it stood, and what walks
  /// of heaps have left to do and to say.
  void finish();
  /// After that: lazily freed pages by account, where they can be told.
  void book_lazily_freed();
  PagesOfNote& pages() { return pages_; }

 private:
  bool is_settled(bool stands) const;
  Result<void> survey(const PresentMemory& memory, const std::vector<Thread>& frozen);
  Result<void> scan(bool stands);
  void begin_settling();
  void end_settling();
  void put(const PageRun& run);
  void book(const PageRun& run);
  void finish_booking();
  void keep(const PageRun& run);

  /// The sweep that books claims and runs of pages.
  struct Booking {
    Booking(ClaimSources& sources, Explanation& e);
    MergedClaims claims;
    MappingBook mappings;
    Sweep sweep;
  };

  const Target& target_;
  const ExplainOptions& options_;
  const PageScanner& scanner_;
  Explanation& e_;
  UsageReading usage_;
  Shelf shelf_;
  Progress progress_;  // empty while the target stands
  std::optional<ClaimSources> claims_;
  std::thread settling_;  // claims_, beside the scan of a target that stands
  ScanPlan plan_;
  std::optional<Booking> booking_;
  // While the target stands runs wait here, so that it stands no longer than they take to be seen.
  bool lets_wait_ = false;
  std::vector<PageRun> waiting_;
  std::optional<ReadyMemory> ready_;  // for walks of heaps, while the target stands
  bool notes_anonymous_ = false;
  PagesOfNote pages_;
};

/// What the ledger and the book of mappings get of a sweep.
Sweep::Book book_into(Ledger& ledger, MappingBook& mappings);
/// Takes what the survey found into the explanation and hands on the claims.
ClaimSources adopt(Explanation& explanation, Survey survey);
/// Takes what walks of heaps said on the way, once all sweeps that want them are over.
void end_walks(Explanation& explanation, ClaimSources& claims);

}  // namespace strata
