// inspect/ledger/findings/made.h - for tests: explanations made by hand, a mapping at a time.
#pragma once

#include <string>
#include <vector>

#include "inspect/ledger/explanation.h"

namespace strata {

/// What a mapping is to hold; its size, where not given, is its resident bytes.
struct Made {
  // Initializers, or a test that names some members is warned of the others.
  // NOLINTBEGIN(readability-redundant-member-init)
  std::vector<std::string> account{};
  Bytes resident{};  ///< anonymous, unless `file`
  Bytes size{};
  Bytes swapped{};
  Bytes huge{};
  Bytes file{};  ///< resident pages of the file, beside `resident`
  std::string name{};
  std::uint64_t inode = 0;
  Bytes offset{};
  bool shared = false;
  bool deleted = false;
  bool executable = false;
  std::string evidence{};
  // NOLINTEND(readability-redundant-member-init)
};

class MadeExplanation {
 public:
  MadeExplanation() {
    e_.identity.pid = 4242;
    e_.means.pagemap_scan = e_.means.frames = e_.means.page_flags = true;
  }

  /// Books it, and adds its line of smaps, which the test may fill in.
  MappingUsage& add(const Made& made) {
    const Bytes present = made.resident + made.file;
    const Bytes size = made.size > 0_B ? made.size : present + made.swapped;
    Mapping mapping;
    mapping.range = range_of(next_, size);
    mapping.name = made.name;
    mapping.inode = made.inode;
    mapping.offset = made.offset;
    mapping.shared = made.shared;
    mapping.deleted = made.deleted;
    mapping.executable = made.executable;
    next_ = mapping.range.end + page_size();

    Chart& chart = e_.ledger.chart();
    Claim claim{mapping.range, AccountId::kRoot, EvidenceId::kNone, Rank::kMapping};
    for (const std::string& name : made.account) claim.account = chart.open(claim.account, name);
    if (!made.evidence.empty()) claim.evidence = chart.because(made.evidence);
    MappingEntry entry;
    entry.purpose = claim.account;
    entry.measure.virtual_size = size;
    e_.ledger.book_mapped(claim);
    Address at = mapping.range.start;
    const auto book = [&](Bytes bytes, std::initializer_list<PageFlag> list) {
      PageFlags flags;
      for (const PageFlag flag : list) flags.set(flag);
      e_.ledger.book_pages(claim, range_of(at, bytes), flags);
      entry.measure.add(flags, bytes);
      at = at + bytes;
    };
    book(made.huge, {PageFlag::kPresent, PageFlag::kHuge});
    book(made.resident - made.huge, {PageFlag::kPresent});
    book(made.file, {PageFlag::kPresent, PageFlag::kFile});
    book(made.swapped, {PageFlag::kSwapped});
    e_.mappings.push_back(entry);
    e_.space.mappings.push_back(mapping);
    MappingUsage usage;
    usage.range = mapping.range;
    usage.resident = present;
    usage.proportional = present;
    usage.anonymous = made.resident;
    usage.anonymous_huge = made.huge;
    usage.swapped = made.swapped;
    e_.usage.push_back(usage);
    return e_.usage.back();
  }

  Explanation& operator*() { return e_; }
  Explanation* operator->() { return &e_; }

 private:
  Explanation e_;
  Address next_{0x10000000};
};

}  // namespace strata
