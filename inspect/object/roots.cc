#include "inspect/object/roots.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace strata {
namespace {

constexpr Bytes kRedZone = 128_B;

/// What is no root though it lies in a mapping that is one.
std::vector<Range> find_excluded(const Space& space, std::vector<Range> excluded) {
  for (const Stack& stack : space.stacks) {
    // Below the pointer lie frames of calls that have returned.
    if (!stack.stack_pointer) continue;
    const Address used = std::max(*stack.stack_pointer - kRedZone, stack.range.start);
    excluded.push_back({stack.range.start, used});
  }
  std::sort(excluded.begin(), excluded.end());
  return excluded;
}

bool could_hold_pointers(const Space& space, const Mapping& m) {
  if (!m.readable || m.name == "[vvar]" || m.name == "[vdso]" || m.name == "[vsyscall]") {
    return false;
  }
  if (m.writable) return true;
  if (m.shared) return false;
  // What was written before it was protected: anonymous memory, and data of modules.
  if (!m.has_file()) return true;
  const Module* const module = space.find_module(m.range.start);
  return module != nullptr &&
         std::any_of(module->segments.begin(), module->segments.end(), [&](const Segment& segment) {
           return segment.writable && segment.range.overlaps(m.range);
         });
}

/// Where one owner's memory may end and another's begin within a mapping, by address.
std::vector<Address> find_seams(const Space& space) {
  std::vector<Address> seams;
  for (const Stack& stack : space.stacks) {
    seams.insert(seams.end(), {stack.range.start, stack.range.end});
    if (stack.thread_block) {
      seams.insert(seams.end(), {stack.thread_block->start, stack.thread_block->end});
    }
  }
  std::sort(seams.begin(), seams.end());
  return seams;
}

std::string name_of(const Space& space, const Mapping& m, Address at) {
  // A thread-local block may lie in its stack.
  for (const Stack& stack : space.stacks) {
    if (stack.thread_block && stack.thread_block->contains(at)) {
      return stack.is_main ? "main's thread-local storage"
                           : fmt::format("thread {}'s thread-local storage", stack.tid);
    }
  }
  if (const Stack* const stack = space.find_stack(at)) {
    return stack->is_main
               ? "main's stack"
               : fmt::format("the stack of thread {} ({})", stack->tid, stack->thread_name);
  }
  if (const Module* const module = space.find_module(at)) return module->name + "'s data";
  if (!m.name.empty()) return m.name;
  return fmt::format("the anonymous mapping at {:#x}", m.range.start.value);
}

}  // namespace

std::vector<RootRange> find_roots(const Space& space, std::vector<Range> own) {
  const std::vector<Range> excluded = find_excluded(space, std::move(own));
  const std::vector<Address> seams = find_seams(space);
  std::vector<RootRange> roots;
  auto next = excluded.begin();
  for (const Mapping& m : space.mappings) {
    if (!could_hold_pointers(space, m)) continue;
    using Pointers = RootRange::Pointers;
    const Pointers pointers =
        m.executable && !m.has_file() ? Pointers::kAnywhere : Pointers::kAligned;
    Address from = m.range.start;
    const auto add_until = [&](Address until) {
      while (from < until) {
        const auto seam = std::upper_bound(seams.begin(), seams.end(), from);
        const Address end = seam == seams.end() ? until : std::min(*seam, until);
        roots.push_back({{from, end}, name_of(space, m, from), pointers});
        from = end;
      }
    };
    while (next != excluded.end() && next->end <= from) ++next;
    for (auto e = next; e != excluded.end() && e->start < m.range.end; ++e) {
      add_until(std::min(e->start, m.range.end));
      from = std::max(from, e->end);
    }
    add_until(m.range.end);
  }
  return roots;
}

std::vector<RegisterRoot> find_register_roots(const Space& space,
                                              const std::vector<pid_t>& waiting) {
  std::vector<RegisterRoot> roots;
  for (const Thread& thread : space.threads) {
    const auto add = [&](const std::vector<std::uint64_t>& words) {
      for (const std::uint64_t word : words) {
        roots.push_back(
            {word, fmt::format("a register of thread {} ({})", thread.tid, thread.name)});
      }
    };
    add(thread.registers);
    const bool waits = std::find(waiting.begin(), waiting.end(), thread.tid) != waiting.end();
    if (!waits) add(thread.vectors);
  }
  return roots;
}

}  // namespace strata
