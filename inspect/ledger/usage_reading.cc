#include "inspect/ledger/usage_reading.h"

#include <algorithm>

namespace strata {
namespace {

// What smaps costs the kernel, measured on Linux 6.18: 65 to 90 ns a resident page of 4 KiB for the
// walk, 3 us a mapping for the text.
constexpr double kWalkSecondsPerPage = 80e-9;
constexpr double kTextSecondsPerMapping = 3e-6;
// A walk that nobody notices: half a gibibyte.
constexpr double kShortWalk = 0.01;

}  // namespace

void UsageReading::read_beforehand() {
  if (is_asked_for() && !fits_while_standing()) read(options_.progress);
}

void UsageReading::read_if_worth_it(const Progress& progress) {
  if (!e_.usage.empty()) return;
  if (!e_.means.smaps) {
    e_.usage_unread = "this kernel or STRATA_WITHOUT leaves smaps out";
    return;
  }
  const double text = kTextSecondsPerMapping * static_cast<double>(e_.space.mappings.size());
  const bool cheap = walk_seconds() < std::max(kShortWalk, text);
  if ((cheap || is_asked_for()) && fits_while_standing()) {
    read(progress);
    e_.moment.smaps_while_standing = options_.freeze_limit.has_value();
    return;
  }
  const double cost = 1000 * (walk_seconds() + text);
  e_.usage_unread = fmt::format("costs the kernel about {:.0f} ms: --witnesses all", cost);
  e_.notes.push_back(
      fmt::format("smaps was not read, it would cost about {:.0f} ms; --witnesses all reads it "
                  "and adds what is lazily freed, proportional and locked",
                  cost));
}

bool UsageReading::is_asked_for() const {
  // Without PAGEMAP_SCAN, smaps says which mappings need not be looked through.
  return options_.witnesses != ExplainOptions::Witnesses::kCheap || !e_.means.pagemap_scan;
}

bool UsageReading::fits_while_standing() const {
  if (!options_.freeze_limit) return true;
  return walk_seconds() < std::chrono::duration<double>(*options_.freeze_limit).count() / 3;
}

double UsageReading::walk_seconds() const {
  const Bytes resident = e_.moment.before.resident.value_or(0_B);
  return static_cast<double>(resident / page_size()) * kWalkSecondsPerPage;
}

void UsageReading::read(const Progress& progress) {
  if (!e_.means.smaps) return;
  auto usage = read_smaps(target_, e_.space.mappings.size() + 1, progress);
  if (usage) {
    e_.usage = std::move(*usage);
  } else {
    e_.usage_unread = usage.error().message;
    e_.notes.push_back("smaps could not be read: " + usage.error().message);
  }
}

}  // namespace strata
