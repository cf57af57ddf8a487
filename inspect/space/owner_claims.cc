// Who holds an anonymous mapping that nothing else explains. Asked in this order, until all have a
// holder: modules' data, threads' stacks from the stack pointer up, then heaps and the mappings
// that were found to be held. Last, what it adjoins.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <queue>

#include "inspect/space/claims.h"
#include "inspect/space/owner_search.h"

namespace strata {
namespace {

// Writable data is read once, and no more of it than this; a program with more static data than
// that keeps its mappings elsewhere. What is not resident is passed over: .bss may be terabytes.
constexpr Bytes kMostData = 64_MiB;
// Of all stacks, and of one: frames are small, and a buffer on a stack is not where pointers are.
constexpr Bytes kMostStacks = 8_MiB;
constexpr Bytes kMostOfStack = 1_MiB;
// Of heaps and of what is held, the smallest first: 0.2 ms a MiB. As much as there is to be found,
// or the search would cost a process of few and huge mappings more than all else.
constexpr Bytes kMostHeapForEach = 256_KiB;
constexpr Bytes kLeastHeap = 1_MiB;
constexpr Bytes kMostHeap = 8_MiB;
// Of address space; less than this is not worth a sentence.
constexpr Bytes kWorthANote = 1_MiB;
// As many regions of heaps are told apart.
constexpr std::size_t kMostRegions = 65'536;

/// What heaps, stacks and modules claim, joined; the rest of a mapping is an orphan.
std::vector<Range> find_explained(std::span<const Claim> claims) {
  std::vector<Range> explained;
  for (const Claim& claim : claims) {
    if (claim.rank != Rank::kSegment && claim.rank < Rank::kRuntimeRegion) continue;
    if (claim.range.empty()) continue;
    Range range = claim.range;
    if (claim.rank == Rank::kSegment) {
      // The rest of its pages is its padding.
      range = {round_down(range.start, page_size()), round_up(range.end, page_size())};
    }
    explained.push_back(range);
  }
  std::sort(explained.begin(), explained.end());
  std::size_t last = 0;
  for (std::size_t i = 1; i < explained.size(); ++i) {
    if (explained[i].start <= explained[last].end) {
      explained[last].end = std::max(explained[last].end, explained[i].end);
    } else {
      explained[++last] = explained[i];
    }
  }
  if (!explained.empty()) explained.resize(last + 1);
  return explained;
}

std::vector<Range> find_orphans(const Space& space, std::span<const Claim> claims) {
  const std::vector<Range> explained = find_explained(claims);
  std::vector<Range> orphans;
  auto next = explained.begin();
  for (const Mapping& m : space.mappings) {
    const bool orphan =
        !m.has_file() && m.name.empty() && !m.shared && (m.readable || m.writable || m.executable);
    if (!orphan) continue;
    Address from = m.range.start;
    while (next != explained.end() && next->end <= from) ++next;
    for (auto e = next; e != explained.end() && e->start < m.range.end; ++e) {
      if (from < e->start) orphans.push_back({from, e->start});
      from = std::max(from, e->end);
    }
    if (from < m.range.end) orphans.push_back({from, m.range.end});
  }
  return orphans;
}

/// A region of memory to look through, and where it is.
struct Source {
  Range range;
  std::optional<AccountId> account;  // of a heap
  std::uint32_t orphan = 0;          // of what is held: its index

  bool operator<(const Source& other) const { return range.size() > other.range.size(); }
};

/// Regions of heaps, joined where they overlap: an arena and its parts are read once.
std::vector<Source> find_heaps(std::span<const Claim> claims) {
  std::vector<Source> heaps;
  for (const Claim& claim : claims) {
    if (claim.rank != Rank::kHeap && claim.rank != Rank::kRuntimeRegion) continue;
    if (heaps.size() < kMostRegions) heaps.push_back({claim.range, claim.account});
  }
  std::sort(heaps.begin(), heaps.end(),
            [](const Source& a, const Source& b) { return a.range < b.range; });
  std::size_t last = 0;
  for (std::size_t i = 1; i < heaps.size(); ++i) {
    if (heaps[i].range.start <= heaps[last].range.end) {
      heaps[last].range.end = std::max(heaps[last].range.end, heaps[i].range.end);
    } else {
      heaps[++last] = heaps[i];
    }
  }
  if (!heaps.empty()) heaps.resize(last + 1);
  return heaps;
}

class Owners {
 public:
  Owners(const Space& space, const PresentMemory& memory, std::span<const Claim> claims,
         Chart& chart)
      : space_(space),
        claims_(claims),
        chart_(chart),
        search_(memory, find_orphans(space, claims)) {}

  OwnerSurvey find() {
    ask_data();
    ask_stacks();
    const Bytes budget = std::clamp(kMostHeapForEach * search_.missing(), kLeastHeap, kMostHeap);
    const bool saw_all = ask_heaps(budget);
    OwnerSurvey survey;
    claim(survey.claims);
    if (!saw_all && without_holder_ >= kWorthANote) {
      survey.notes.push_back(fmt::format(
          "who holds {} MiB of anonymous mappings was not found: of heaps and of what they hold "
          "{} MiB were looked through for it, the smallest first",
          without_holder_ / 1_MiB, budget / 1_MiB));
    }
    survey.bytes_read = search_.bytes_read();
    return survey;
  }

 private:
  void ask_data() {
    Bytes budget = kMostData;
    for (const Module& module : space_.modules) {
      std::uint32_t holder = OwnerSearch::kNobody;
      for (const Segment& segment : module.segments) {
        if (!segment.writable) continue;
        if (holder == OwnerSearch::kNobody) {
          holder = search_.add({Holder::Kind::kData, module.name, "in " + module.name + "'s data"});
        }
        search_.look_through(segment.range, holder, budget);
      }
    }
  }

  void ask_stacks() {
    constexpr Bytes kRedZone = 128_B;  // as claim_stacks() has it
    Bytes budget = kMostStacks;
    for (const Stack& stack : space_.stacks) {
      if (search_.is_done() || budget == 0_B) return;
      const std::string who =
          stack.is_main ? "main"
                        : "thread " + (stack.thread_name.empty() ? std::to_string(stack.tid)
                                                                 : stack.thread_name);
      // One account for all threads but the first; the evidence names the thread.
      const std::uint32_t holder =
          search_.add({Holder::Kind::kStack, stack.is_main ? "main's stack" : "threads' stacks",
                       "on " + who + "'s stack"});
      const auto look = [&](Range range) {
        Bytes own = std::min(kMostOfStack, budget);
        budget -= own;
        search_.look_through(range, holder, own);
        budget += own;
      };
      // Below the stack pointer, or of a stack whose pointer is not known, words are of calls that
      // have returned.
      if (stack.stack_pointer) {
        look({std::max(*stack.stack_pointer - kRedZone, stack.range.start), stack.range.end});
      }
      if (stack.thread_block) look(*stack.thread_block);
    }
  }

  /// Whether all was looked through that had to be.
  bool ask_heaps(Bytes budget) {
    if (search_.is_done()) return true;
    std::priority_queue<Source> sources;
    for (const Source& heap : find_heaps(claims_)) sources.push(heap);
    const auto add_news = [&] {
      for (const std::uint32_t orphan : search_.take_news()) {
        sources.push({search_.wanted()[orphan].range, std::nullopt, orphan});
      }
    };
    add_news();
    while (!search_.is_done() && !sources.empty() && budget > 0_B) {
      const Source source = sources.top();
      sources.pop();
      search_.look_through(source.range, holder_of(source), budget);
      add_news();
    }
    return search_.is_done() || budget > 0_B;
  }

  std::uint32_t holder_of(const Source& source) {
    if (source.account) {
      // Regions may be tens of thousands, accounts are few.
      const auto [known, is_new] = by_account_.try_emplace(*source.account, 0);
      if (is_new) known->second = search_.add(heap_holder(*source.account));
      return known->second;
    }
    const OwnerSearch::Wanted& held = search_.wanted()[source.orphan];
    const Holder by = search_.holder(held.holder);
    return search_.add({by.kind, by.name,
                        fmt::format("in {:#x}-{:#x}, which is {},", held.range.start.value,
                                    held.range.end.value, relation(by))});
  }

  Holder heap_holder(AccountId account) const {
    const std::vector<std::string> path = chart_.path(account);
    return {Holder::Kind::kHeap, path.size() > 1 ? path[1] + "'s heap" : "a heap",
            fmt::format("in {}", fmt::join(path, " / "))};
  }

  static std::string relation(const Holder& by) {
    return (by.kind == Holder::Kind::kData ? "held by " : "held from ") + by.name;
  }

  void claim(std::vector<Claim>& claims) {
    const AccountId anonymous = chart_.open({"mapped", "anonymous"});
    index_modules();
    const auto& wanted = search_.wanted();
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const OwnerSearch::Wanted& w = wanted[i];
      if (w.holder != OwnerSearch::kNobody) {
        const Holder& by = search_.holder(w.holder);
        claims.push_back(
            {w.range, chart_.open(anonymous, relation(by)),
             chart_.because(fmt::format("a word at {:#x} {} points {}", w.word.value, by.where,
                                        w.exact ? "to its start" : "into it")),
             Rank::kOwner});
        continue;
      }
      without_holder_ += w.range.size();
      if (const Holder* const rest_by = holder_of_the_rest(i)) {
        claims.push_back({w.range, chart_.open(anonymous, relation(*rest_by)),
                          chart_.because("the rest of its mapping is " + relation(*rest_by)),
                          Rank::kOwner});
      } else if (const Module* const module =
                     neighbour(is_rest(w.range) ? mapping_around(w.range) : w.range)) {
        claims.push_back({w.range, chart_.open(anonymous, "beside " + module->name),
                          chart_.because("it adjoins the module without a gap"), Rank::kOwner});
      } else if (const Holder* const next_to = holder_beside(i)) {
        claims.push_back(
            {w.range, chart_.open(anonymous, "beside what " + next_to->name + " holds"),
             chart_.because("it adjoins, without a gap, a mapping that is " + relation(*next_to)),
             Rank::kOwner});
      }
    }
  }

  /// Whether `range` is what is left over of a mapping.
  static bool is_rest(Range range) { return range.size() < page_size(); }

  Range mapping_around(Range range) const {
    const Mapping* const mapping = space_.find_mapping(range.start);
    return mapping == nullptr ? range : mapping->range;
  }

  /// Who holds the part next to what is left over of a mapping.
  const Holder* holder_of_the_rest(std::size_t index) const {
    const auto& wanted = search_.wanted();
    const Range range = wanted[index].range;
    if (!is_rest(range)) return nullptr;
    const Range whole = mapping_around(range);
    for (const std::size_t other : {index - 1, index + 1}) {
      if (other >= wanted.size() || !whole.contains(wanted[other].range)) continue;
      if (wanted[other].holder == OwnerSearch::kNobody) continue;
      return &search_.holder(wanted[other].holder);
    }
    return nullptr;
  }

  /// Who holds the mapping right before the one at `index`, or right behind it.
  const Holder* holder_beside(std::size_t index) const {
    const auto& wanted = search_.wanted();
    const auto holder = [&](std::size_t other) -> const Holder* {
      const std::uint32_t by = wanted[other].holder;
      return by == OwnerSearch::kNobody ? nullptr : &search_.holder(by);
    };
    if (index > 0 && wanted[index - 1].range.end == wanted[index].range.start) {
      if (const Holder* const by = holder(index - 1)) return by;
    }
    if (index + 1 < wanted.size() && wanted[index].range.end == wanted[index + 1].range.start) {
      return holder(index + 1);
    }
    return nullptr;
  }

  void index_modules() {
    for (const Module& module : space_.modules) {
      by_start_.emplace_back(module.range.start, &module);
      by_end_.emplace_back(round_up(module.range.end, page_size()), &module);
    }
    std::sort(by_start_.begin(), by_start_.end());
    std::sort(by_end_.begin(), by_end_.end());
  }

  /// The module that ends, rounded to pages, where the mapping begins, or begins where it ends.
  const Module* neighbour(Range range) const {
    const auto at = [](const auto& sorted, Address address) -> const Module* {
      const auto found = std::lower_bound(sorted.begin(), sorted.end(), address,
                                          [](const auto& a, Address b) { return a.first < b; });
      return found != sorted.end() && found->first == address ? found->second : nullptr;
    };
    const Module* const below = at(by_end_, range.start);
    return below != nullptr ? below : at(by_start_, range.end);
  }

  const Space& space_;
  std::span<const Claim> claims_;
  Chart& chart_;
  OwnerSearch search_;
  std::map<AccountId, std::uint32_t> by_account_;  // in search_'s holders
  Bytes without_holder_;
  std::vector<std::pair<Address, const Module*>> by_start_;
  std::vector<std::pair<Address, const Module*>> by_end_;
};

}  // namespace

OwnerSurvey claim_by_owner(const Space& space, const PresentMemory& memory,
                           std::span<const Claim> claims, Chart& chart) {
  return Owners(space, memory, claims, chart).find();
}

}  // namespace strata
