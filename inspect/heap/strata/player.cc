#include "inspect/heap/strata/player.h"

namespace strata::strata_malloc {

bool Player::next(Part& part) {
  for (; zone_ < contents_->table.zones.size(); ++zone_, number_ = 0) {
    if (next_unit(part)) return true;
  }
  // Page 0 never is used.
  if (number_ == 0) number_ = 1;
  return next_run(part);
}

bool Player::next_unit(Part& part) {
  const Contents& c = *contents_;
  const Zone& zone = c.table.zones[zone_];
  if (number_ >= c.units[zone_]) return false;
  part = {};
  part.zone = zone_;
  // Units stand in the tape zone after zone; numbers begin anew with each.
  const bool has_more = unit_ < c.ends_of_zones[zone_];
  const std::uint64_t next = has_more ? c.tape.unit(unit_).number : c.units[zone_];
  if (number_ < next) {
    part.range = {zone.address_of(number_), zone.address_of(next)};
    number_ = next;
    return true;
  }
  part.unit = c.tape.unit(unit_++);
  part.range = {zone.address_of(number_), zone.address_of(number_ + 1)};
  ++number_;
  switch (part.unit.kind) {
    case UnitKind::kLost:
      break;
    case UnitKind::kFree:
    case UnitKind::kClean:
      part.kind = Part::Kind::kFreeUnit;
      break;
    case UnitKind::kSpan:
    case UnitKind::kMixedSpan:
      part.kind = Part::Kind::kSpan;
      part.heap = part.unit.heap();
      part.block = c.table.class_sizes[part.unit.size_class];
      part.blocks = c.table.blocks_of(zone, part.unit.size_class);
      if (part.unit.kind == UnitKind::kSpan) break;
      part.words = word_;
      word_ += Tape::words_for(part.blocks);
  }
  return true;
}

bool Player::next_run(Part& part) {
  const Contents& c = *contents_;
  const Runs& runs = c.table.runs;
  if (number_ >= c.pages) return false;
  part = {};
  part.zone = c.table.zones.size();
  std::uint64_t pages = c.pages - number_;
  if (run_ < c.tape.runs()) {
    const Run& run = c.tape.run(run_++);
    pages = run.pages;
    part.run = run.kind;
    if (run.heap != Run::kNoHeap) part.heap = run.heap;
  }
  if (part.run != RunKind::kLost) part.kind = Part::Kind::kRun;
  part.range = {runs.address_of(number_), runs.address_of(number_ + pages)};
  number_ += pages;
  return true;
}

}  // namespace strata::strata_malloc
