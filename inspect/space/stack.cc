#include "inspect/space/stack.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>

namespace strata {
namespace {

// glibc's thread descriptor (struct pthread) begins with the control block that fs points to:
//   +0 tcb: its own address    +8 dtv    +16 self: its own address    …
//   list {next, prev} · tid · … · stackblock · stackblock_size · guardsize
// The first three are ABI. The rest moves from version to version, so it is found by what it must
// say: the tid is the thread's, the list's neighbours lead back, the stack block holds the
// descriptor. glibc 2.31 to 2.42 keep all of it in the first 0x700 bytes.
constexpr std::size_t kDescriptorWords = 0x700 / 8;
// How far below a stack's end a descriptor can lie: itself (0x900 in 2.36), rounding to a page.
constexpr Bytes kDescriptorReach = 16_KiB;
constexpr std::size_t kMostModulesWithTls = 4096;

struct Descriptor {
  Address address;
  std::array<std::uint64_t, kDescriptorWords> words{};
  pid_t tid = 0;
  std::size_t tid_word = 0;

  std::uint64_t self() const { return words[2]; }
};

class StackFinder {
 public:
  StackFinder(const PresentMemory& memory, const std::vector<Mapping>& mappings,
              const std::vector<Thread>& threads)
      : memory_(memory), mappings_(mappings) {
    for (const Thread& thread : threads) {
      const pid_t tid = thread.inner_tid != 0 ? thread.inner_tid : thread.tid;
      threads_.emplace(tid, &thread);
      if (is_main(thread)) main_tid_ = tid;
    }
  }

  std::vector<Stack> find() {
    find_descriptors();
    std::vector<Stack> stacks;
    for (const auto& [tid, thread] : threads_) {
      std::optional<Stack> stack;
      const auto descriptor = descriptors_.find(tid);
      if (is_main(*thread)) {
        stack = main_stack(*thread);
        if (stack && descriptor != descriptors_.end()) {
          stack->thread_block =
              thread_block(descriptor->second, control_block_end(descriptor->second));
        }
      } else if (descriptor != descriptors_.end()) {
        stack = by_descriptor(*thread, descriptor->second);
      }
      if (!stack && !is_main(*thread)) stack = by_guard(*thread);
      if (stack) stacks.push_back(std::move(*stack));
    }
    std::sort(stacks.begin(), stacks.end(),
              [](const Stack& a, const Stack& b) { return a.range.start < b.range.start; });
    // Two threads on one stack (clone without a stack of its own, a mistaken find): the first
    // stays.
    const auto same = [](const Stack& a, const Stack& b) { return a.range.overlaps(b.range); };
    stacks.erase(std::unique(stacks.begin(), stacks.end(), same), stacks.end());
    return stacks;
  }

 private:
  bool is_main(const Thread& thread) const { return thread.tid == memory_.target().identity().pid; }

  const Mapping* mapping_at(Address address) const {
    auto next = std::upper_bound(mappings_.begin(), mappings_.end(), address,
                                 [](Address a, const Mapping& m) { return a < m.range.start; });
    if (next == mappings_.begin()) return nullptr;
    --next;
    return next->range.contains(address) ? &*next : nullptr;
  }

  static bool could_hold_stack(const Mapping& mapping) {
    return !mapping.has_file() && mapping.writable && !mapping.shared;
  }

  /// Reads what may be a descriptor; nothing unless it points to itself and names a thread.
  std::optional<Descriptor> read_descriptor(Address address) const {
    Descriptor d;
    d.address = address;
    auto got = memory_.read(address, std::as_writable_bytes(std::span(d.words)));
    if (!got || got->value < 64 || d.words[0] != address.value || d.self() != address.value) {
      return std::nullopt;
    }
    for (std::size_t word = 4; word < d.words.size(); ++word) {
      // tid is an int; what follows it in the same word was, and may be again, another's.
      const auto tid = static_cast<pid_t>(d.words[word] & 0xFFFFFFFF);
      if (tid <= 0 || !threads_.contains(tid)) continue;
      // Right before it stands the list of threads; an entry of it is a pointer in any version.
      if (d.words[word - 2] % 8 != 0 || d.words[word - 1] % 8 != 0) continue;
      if (d.words[word - 2] < 0x1000 || d.words[word - 1] < 0x1000) continue;
      d.tid = tid;
      d.tid_word = word;
      return d;
    }
    return std::nullopt;
  }

  /// Looks for a descriptor near the end of `range`.
  std::optional<Descriptor> search(Range range) const {
    const Address from = std::max(range.start, range.end - kDescriptorReach);
    // A page that is not there cannot hold one, and mostly the last page has it.
    const auto parts = memory_.present({from, range.end});
    if (!parts || parts->empty()) return std::nullopt;
    std::vector<std::uint64_t>& words = words_;
    words.resize((range.end - from).value / 8);
    if (!memory_.read(from, std::as_writable_bytes(std::span(words)))) return std::nullopt;
    for (std::size_t i = words.size(); i-- > 0;) {
      const Address here = from + Bytes{i * 8};
      if (words[i] != here.value || i + 2 >= words.size() || words[i + 2] != here.value) continue;
      if (auto d = read_descriptor(here)) return d;
    }
    return std::nullopt;
  }

  bool remember(const Descriptor& d) { return descriptors_.emplace(d.tid, d).second; }

  /// Walks the list that all descriptors are on, from one that is known.
  void follow(const Descriptor& seed) {
    const std::uint64_t list_offset = (seed.tid_word - 2) * 8;
    Address node{seed.words[seed.tid_word - 2]};
    for (std::size_t step = 0; step < threads_.size() + 2; ++step) {
      const Address next_descriptor = node - Bytes{list_offset};
      if (auto d = read_descriptor(next_descriptor)) {
        if (!remember(*d)) return;
        node = Address{d->words[d->tid_word - 2]};
      } else {
        // The list's head stands alone in ld.so's data, and is not part of a descriptor.
        const auto next = memory_.value<std::uint64_t>(node);
        if (!next || *next == node.value) return;
        node = Address{*next};
      }
    }
  }

  void find_descriptors() {
    for (const auto& [tid, thread] : threads_) {
      if (descriptors_.contains(tid)) continue;
      std::optional<Descriptor> d;
      if (thread->thread_pointer) {
        d = read_descriptor(*thread->thread_pointer);
      } else if (thread->stack_pointer && !is_main(*thread)) {
        const Mapping* const mapping = mapping_at(*thread->stack_pointer);
        if (mapping != nullptr && could_hold_stack(*mapping)) d = search(mapping->range);
      }
      if (d && remember(*d)) follow(*d);
    }
    if (!descriptors_.contains(main_tid_)) search_main_descriptor();
    // The first thread's lies above no guard.
    const std::size_t wanted = threads_.size() - !descriptors_.contains(main_tid_);
    search_above_guards(wanted);
  }

  /// A thread that runs shows no stack pointer. Its stack ends with its descriptor all the same,
  /// and lies above a guard.
  void search_above_guards(std::size_t wanted) {
    constexpr int kMostLookedAt = 4096;
    int looked_at = 0;
    for (std::size_t i = 1; i < mappings_.size() && descriptors_.size() < wanted; ++i) {
      const Mapping& mapping = mappings_[i];
      if (!could_hold_stack(mapping) || !mapping.name.empty()) continue;
      const Mapping& below = mappings_[i - 1];
      const bool guarded = below.range.end == mapping.range.start && !below.readable &&
                           !below.writable && !below.executable;
      if (!guarded || ++looked_at > kMostLookedAt) continue;
      const auto d = search(mapping.range);
      if (d && remember(*d)) follow(*d);
    }
  }

  /// Whether all of `range` is memory that a thread library could have mapped for a stack: what the
  /// target says of itself is not believed of files, or of what is not mapped.
  bool is_plain_memory(Range range) const {
    for (Address at = range.start; at < range.end;) {
      const Mapping* const mapping = mapping_at(at);
      const bool plain = mapping != nullptr && !mapping->has_file() && !mapping->shared &&
                         (mapping->name.empty() || mapping->name == "[heap]");
      if (!plain) return false;
      at = mapping->range.end;
    }
    return true;
  }

  /// ld.so maps the first thread's descriptor with the libraries, in a small mapping of its own;
  /// what the program maps later lies below it and may have become one with it.
  void search_main_descriptor() {
    constexpr Bytes kLargest = 256_KiB;
    constexpr std::size_t kMostLookedAt = 64;
    std::vector<const Mapping*> beside_file, elsewhere;
    for (std::size_t i = 0; i < mappings_.size(); ++i) {
      const Mapping& mapping = mappings_[i];
      if (!could_hold_stack(mapping) || !mapping.name.empty()) continue;
      const bool is_below_file = i + 1 < mappings_.size() && mappings_[i + 1].has_file();
      const bool is_beside_file = is_below_file || (i > 0 && mappings_[i - 1].has_file());
      if (mapping.range.size() > kLargest && !is_below_file) continue;
      std::vector<const Mapping*>& candidates = is_beside_file ? beside_file : elsewhere;
      if (candidates.size() < kMostLookedAt) candidates.push_back(&mapping);
    }
    for (const auto* const candidates : {&beside_file, &elsewhere}) {
      for (const Mapping* const mapping : *candidates) {
        const auto d = search(mapping->range);
        if (!d || d->tid != main_tid_) continue;
        // It shares its list with the threads whose stacks the program made itself: those lie
        // anywhere in a mapping, and a search at its end would miss them.
        if (remember(*d)) follow(*d);
        return;
      }
    }
  }

  std::optional<Stack> main_stack(const Thread& thread) const {
    const auto labelled = std::find_if(mappings_.begin(), mappings_.end(),
                                       [](const Mapping& m) { return m.is_labelled("[stack]"); });
    const Mapping* mapping = labelled == mappings_.end() ? nullptr : &*labelled;
    if (mapping == nullptr && thread.stack_pointer) mapping = mapping_at(*thread.stack_pointer);
    if (mapping == nullptr) return std::nullopt;
    Stack stack;
    stack.tid = thread.tid;
    stack.thread_name = thread.name;
    stack.is_main = true;
    stack.range = mapping->range;
    if (thread.stack_pointer && stack.range.contains(*thread.stack_pointer)) {
      stack.stack_pointer = thread.stack_pointer;
    }
    if (labelled == mappings_.end()) {
      stack.evidence = "the main thread's stack pointer is in it";
    } else if (memory_.target().identity().kind == TargetKind::kCore) {
      stack.evidence =
          "the core's auxiliary vector, or the first thread's stack pointer, leads there";
    } else {
      stack.evidence = "the kernel labels it [stack]";
    }
    return stack;
  }

  /// Where in a descriptor the stack's extent stands: {block, size, guard size} that hold it.
  struct Extent {
    Range block;
    Bytes guard;
  };
  std::optional<Extent> find_extent(const Descriptor& d) const {
    const std::uint64_t page = page_size().value;
    for (std::size_t i = d.tid_word; i + 2 < d.words.size(); ++i) {
      const std::uint64_t block = d.words[i], size = d.words[i + 1], guard = d.words[i + 2];
      if (block == 0 || block % page != 0 || size == 0 || size % page != 0) continue;
      if (guard % page != 0 || guard >= size) continue;
      const Range range = range_of(Address{block}, Bytes{size});
      if (!range.contains(d.address) || range.end - d.address > kDescriptorReach) continue;
      if (!is_plain_memory(range)) continue;
      return Extent{range, Bytes{guard}};
    }
    return std::nullopt;
  }

  std::optional<Stack> by_descriptor(const Thread& thread, const Descriptor& d) const {
    const auto extent = find_extent(d);
    if (!extent) return std::nullopt;
    Stack stack;
    stack.tid = thread.tid;
    stack.thread_name = thread.name;
    stack.range = {extent->block.start + extent->guard, extent->block.end};
    stack.guard = {extent->block.start, stack.range.start};
    if (thread.stack_pointer && stack.range.contains(*thread.stack_pointer)) {
      stack.stack_pointer = thread.stack_pointer;
    }
    stack.thread_block = thread_block(d, stack.range.end);
    stack.evidence = fmt::format("thread {}'s descriptor at {:#x} says so", d.tid, d.address.value);
    return stack;
  }

  std::optional<Stack> by_guard(const Thread& thread) const {
    if (!thread.stack_pointer) return std::nullopt;
    const Mapping* const mapping = mapping_at(*thread.stack_pointer);
    if (mapping == nullptr || !could_hold_stack(*mapping) || mapping == mappings_.data()) {
      return std::nullopt;
    }
    const Mapping& below = mapping[-1];
    const bool guarded = below.range.end == mapping->range.start && !below.readable &&
                         !below.writable && !below.executable;
    if (!guarded) return std::nullopt;
    Stack stack;
    stack.tid = thread.tid;
    stack.thread_name = thread.name;
    stack.range = mapping->range;
    stack.guard = below.range;
    stack.stack_pointer = thread.stack_pointer;
    stack.evidence =
        fmt::format("the stack pointer of thread {} is in it, and a guard below", thread.tid);
    return stack;
  }

  /// The end of the main thread's control block: its mapping's, or a page's worth.
  Address control_block_end(const Descriptor& d) const {
    const Mapping* const mapping = mapping_at(d.address);
    const Address most = d.address + Bytes{kDescriptorWords * 8};
    return mapping == nullptr ? most : std::min(mapping->range.end, most);
  }

  /// From the lowest static TLS block up to `end`. The dtv lists where each module's TLS is; those
  /// in the static area lie right below the descriptor.
  std::optional<Range> thread_block(const Descriptor& d, Address end) const {
    Range block{d.address, end};
    const Address dtv{d.words[1]};
    const auto length = memory_.value<std::uint64_t>(dtv - Bytes{16});
    const Mapping* const mapping = mapping_at(d.address);
    if (!length || mapping == nullptr) return block;
    // dtv[0] is the generation; entries are {address, to free}.
    const std::size_t count = std::min<std::size_t>(*length, kMostModulesWithTls);
    std::vector<std::uint64_t> entries(2 * count);
    if (!memory_.read(dtv + Bytes{16}, std::as_writable_bytes(std::span(entries)))) return block;
    for (std::size_t i = 0; i < entries.size(); i += 2) {
      const Address at{entries[i]};
      const bool allocated_apart = entries[i + 1] != 0;
      if (!allocated_apart && mapping->range.contains(at) && at < d.address) {
        // A module whose variables need no alignment has its block anywhere; pointers have not.
        block.start = std::min(block.start, round_down(at, 8_B));
      }
    }
    return block;
  }

  const PresentMemory& memory_;
  const std::vector<Mapping>& mappings_;
  // By the number that the threads know themselves by.
  std::map<pid_t, const Thread*> threads_;
  std::map<pid_t, Descriptor> descriptors_;
  pid_t main_tid_ = 0;
  mutable std::vector<std::uint64_t> words_;
};

}  // namespace

std::vector<Stack> find_stacks(const PresentMemory& memory, const std::vector<Mapping>& mappings,
                               const std::vector<Thread>& threads) {
  return StackFinder(memory, mappings, threads).find();
}

}  // namespace strata
