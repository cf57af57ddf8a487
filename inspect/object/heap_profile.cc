#include "inspect/object/heap_profile.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>
#include <utility>

#include "inspect/heap/strata/samples.h"
#include "inspect/object/cxx_name.h"
#include "inspect/object/plain_name.h"
#include "inspect/page/page_scanner.h"
#include "inspect/space/space.h"
#include "inspect/space/symbol_names.h"

namespace strata {
namespace {

using strata_malloc::SampledHeap;

constexpr Bytes kReadLimit = 96_MiB;

// What stands between a program and the malloc where that is linked into it.
constexpr std::array<std::string_view, 19> kAllocators = {"malloc",
                                                          "calloc",
                                                          "realloc",
                                                          "reallocarray",
                                                          "memalign",
                                                          "aligned_alloc",
                                                          "posix_memalign",
                                                          "valloc",
                                                          "pvalloc",
                                                          "_Znwm",
                                                          "_Znam",
                                                          "_ZnwmRKSt9nothrow_t",
                                                          "_ZnamRKSt9nothrow_t",
                                                          "_ZnwmSt11align_val_t",
                                                          "_ZnamSt11align_val_t",
                                                          "_ZnwmSt11align_val_tRKSt9nothrow_t",
                                                          "_ZnamSt11align_val_tRKSt9nothrow_t",
                                                          "cfree",
                                                          "free"};

bool is_allocators(const std::string& symbol) {
  return symbol.starts_with("_ZN6strata5alloc") || symbol.starts_with("_ZNK6strata5alloc") ||
         std::find(kAllocators.begin(), kAllocators.end(), symbol) != kAllocators.end();
}

/// A target as it has to be looked at to find the malloc's table in it.
struct Sight {
  std::optional<PageScanner> scanner;
  std::optional<PresentMemory> memory;
  Space space;
  std::optional<strata_malloc::Table> table;
  std::vector<std::string> notes;

  Result<void> look(const Target& target, const Means& means) {
    if (target.identity().kind == TargetKind::kProcess) {
      auto opened = PageScanner::open(target, means);
      if (!opened) return pass(opened);
      scanner.emplace(std::move(*opened));
    }
    memory.emplace(target, scanner ? &*scanner : nullptr);
    auto read = read_space(*memory, {});
    if (!read) return pass(read);
    space = std::move(*read);
    Chart chart;
    const HeapScene scene{space, *memory, chart};
    Peek peek(scene, kReadLimit);
    table = strata_malloc::find_table(peek, space, notes);
    if (table) return {};
    const std::string why = notes.empty() ? "" : ": " + notes.front();
    return Failure(Error{Cause::kUnsupported,
                         fmt::format("{} is not on the Strata malloc, which alone samples{}",
                                     target.identity().origin, why),
                         {},
                         "start it with `STRATA_MALLOC=sample:512K strata run -- PROGRAM`"});
  }
};

Failure cannot_sample(const Target& target) {
  return Failure(Error{Cause::kUnsupported,
                       fmt::format("the Strata malloc in {} is of a release that cannot sample",
                                   target.identity().origin),
                       {},
                       "start it on this release's library"});
}

class Building {
 public:
  Building(const Sight& sight, const SampledHeap& heap, HeapProfile& profile)
      : sight_(sight), heap_(heap), profile_(profile) {}

  void build() {
    // pprof takes the first mapping for the program.
    for (const Module& module : sight_.space.modules) {
      if (!module.is_executable) continue;
      for (const Segment& segment : module.segments) {
        if (segment.executable) mapping_of(segment.range.start);
      }
    }
    for (const auto& stack : heap_.stacks) {
      ProfileStack& built = profile_.stacks.emplace_back();
      for (const Address caller : stack.callers) built.frames.push_back(frame_of(caller));
      built.total_bytes = stack.bytes;
      built.total_blocks = stack.blocks;
    }
    for (const auto& sample : heap_.live) add(sample, profile_.stacks[sample.stack]);
    name_frames();
    for (ProfileStack& stack : profile_.stacks) {
      drop_allocator(stack);
      sum(stack);
    }
    std::erase_if(profile_.stacks, [](const ProfileStack& stack) {
      return stack.samples == 0 && stack.total_blocks == 0;
    });
  }

 private:
  static void add(const strata_malloc::Sample& sample, ProfileStack& stack) {
    const double weight = sample.weight(), bytes = static_cast<double>(sample.bytes.value);
    ++stack.samples;
    stack.live_blocks += weight;
    stack.live_bytes += weight * bytes;
    stack.asked_bytes += weight * static_cast<double>(sample.asked.value);
    // Of a block that is there with chance 1 / weight, and then counts for that much.
    stack.live_variance += bytes * bytes * weight * (weight - 1);
  }

  std::size_t frame_of(Address caller) {
    const auto [at, is_new] = frames_.emplace(caller, profile_.frames.size());
    if (is_new) {
      ProfileFrame& frame = profile_.frames.emplace_back();
      frame.caller = caller;
      frame.mapping = mapping_of(inside(caller));
    }
    return at->second;
  }
  /// In the instruction that called, which may be its function's last one.
  static Address inside(Address caller) { return caller - 1_B; }

  std::optional<std::size_t> mapping_of(Address address) {
    const Mapping* const mapping = sight_.space.find_mapping(address);
    if (mapping == nullptr) return std::nullopt;
    const auto [at, is_new] = mappings_.emplace(mapping->range.start, profile_.mappings.size());
    if (is_new) {
      const Module* const module = sight_.space.find_module(address);
      profile_.mappings.push_back({mapping->range, mapping->offset, mapping->name,
                                   module != nullptr ? module->build_id : std::string()});
    }
    return at->second;
  }

  void name_frames() {
    for (const Module& module : sight_.space.modules) {
      // By address; as they are in the map.
      std::vector<Address> addresses;
      std::vector<std::size_t> indices;
      for (auto at = frames_.upper_bound(module.range.start);
           at != frames_.end() && module.range.contains(inside(at->first)); ++at) {
        addresses.push_back(inside(at->first));
        indices.push_back(at->second);
      }
      if (addresses.empty()) continue;
      auto symbols = find_symbols_at(*sight_.memory, module, addresses);
      if (!symbols) {
        profile_.notes.push_back(
            fmt::format("functions of {} have no names: {}", module.name, symbols.error().message));
      }
      const bool is_malloc = module.range.contains(sight_.table->at) && !module.is_executable;
      for (std::size_t i = 0; i < indices.size(); ++i) {
        ProfileFrame& frame = profile_.frames[indices[i]];
        name(frame, module, symbols ? (*symbols)[i].name : std::string());
        frame.is_allocator = is_malloc || is_allocators(frame.symbol);
      }
    }
    for (ProfileFrame& frame : profile_.frames) {
      if (frame.name.empty()) frame.name = fmt::format("{:#x}", frame.caller.value);
    }
  }

  void name(ProfileFrame& frame, const Module& module, std::string symbol) {
    if (symbol.empty()) {
      const std::uint64_t offset = frame.caller.value - module.load_bias.value;
      frame.name = fmt::format("{}+{:#x}", module.name, offset);
      return;
    }
    frame.name = plain_name(symbol).value_or(demangled_symbol(symbol).value_or(symbol));
    frame.symbol = std::move(symbol);
    if (frame.mapping) profile_.mappings[*frame.mapping].has_names = true;
  }

  /// Who called the malloc is asked for, not how it works; what calls nobody else stays.
  void drop_allocator(ProfileStack& stack) const {
    const auto first =
        std::find_if(stack.frames.begin(), stack.frames.end(),
                     [&](std::size_t frame) { return !profile_.frames[frame].is_allocator; });
    if (first != stack.frames.end()) stack.frames.erase(stack.frames.begin(), first);
  }

  void sum(const ProfileStack& stack) {
    ProfileStack& total = profile_.total;
    total.live_bytes += stack.live_bytes;
    total.live_blocks += stack.live_blocks;
    total.asked_bytes += stack.asked_bytes;
    total.live_variance += stack.live_variance;
    total.total_bytes += stack.total_bytes;
    total.total_blocks += stack.total_blocks;
    total.samples += stack.samples;
  }

  const Sight& sight_;
  const SampledHeap& heap_;
  HeapProfile& profile_;
  std::map<Address, std::size_t> frames_;    // by return address
  std::map<Address, std::size_t> mappings_;  // by start
};

}  // namespace

Result<HeapProfile> read_heap_profile(const Target& target, const Means& means) {
  Sight sight;
  if (auto seen = sight.look(target, means); !seen) return pass(seen);
  const SampledHeap heap = read_samples(*sight.memory, *sight.table);
  if (!heap.known) return cannot_sample(target);
  HeapProfile profile;
  profile.identity = target.identity();
  profile.mean = heap.wanted;
  profile.begun = heap.begun;
  profile.lost = heap.lost;
  profile.lost_stacks = heap.lost_stacks;
  profile.memory_read = heap.bytes_read;
  profile.notes = std::move(sight.notes);
  if (heap.lost > 0) {
    profile.notes.push_back(fmt::format(
        "{} samples had no room in the target, so this is too little: sample fewer bytes",
        heap.lost));
  }
  if (heap.unread > 0) {
    profile.notes.push_back(
        fmt::format("{} records changed while they were read, or do not hold", heap.unread));
  }
  Building(sight, heap, profile).build();
  return profile;
}

Result<SamplingSwitch> find_sampling_switch(const Target& target, const Means& means) {
  Sight sight;
  if (auto seen = sight.look(target, means); !seen) return pass(seen);
  const auto at = mailbox_of(*sight.table);
  if (!at) return cannot_sample(target);
  return SamplingSwitch{*at, read_samples(*sight.memory, *sight.table).wanted};
}

}  // namespace strata
