#include "inspect/space/space.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>

#include "inspect/space/shelf.h"

namespace strata {
namespace {

/// The element of a list sorted by range that contains `address`.
template <class T>
const T* find_covering(const std::vector<T>& sorted, Address address) {
  auto next = std::upper_bound(sorted.begin(), sorted.end(), address,
                               [](Address a, const T& item) { return a < item.range.start; });
  if (next == sorted.begin()) return nullptr;
  --next;
  return next->range.contains(address) ? &*next : nullptr;
}

/// Where a thread stands by its registers wins over what /proc could say of it.
void add_registers(std::vector<Thread>& threads, const std::vector<Thread>& frozen) {
  for (const Thread& stopped : frozen) {
    const auto found = std::lower_bound(threads.begin(), threads.end(), stopped.tid,
                                        [](const Thread& t, pid_t tid) { return t.tid < tid; });
    if (found == threads.end() || found->tid != stopped.tid) continue;
    found->stack_pointer = stopped.stack_pointer;
    found->instruction_pointer = stopped.instruction_pointer;
    found->thread_pointer = stopped.thread_pointer;
    found->registers = stopped.registers;
    found->vectors = stopped.vectors;
  }
}

/// A sentence about the modules of files whose sections are not known, the first few with the
/// reason.
std::optional<std::string> tell_without_sections(const std::vector<Module>& modules) {
  constexpr std::size_t kMostNamed = 3;
  std::size_t count = 0;
  std::string named;
  for (const Module& module : modules) {
    if (module.sections_unknown.empty() || !module.first_mapping.has_file()) continue;
    if (++count > kMostNamed) continue;
    named += fmt::format("{}{} ({})", count > 1 ? ", " : "", module.name, module.sections_unknown);
  }
  if (count == 0) return std::nullopt;
  if (count > kMostNamed) named += fmt::format(" and {} more", count - kMostNamed);
  return fmt::format("{} of {} modules stand without their sections: {}", count, modules.size(),
                     named);
}

}  // namespace

const Mapping* Space::find_mapping(Address address) const {
  return find_covering(mappings, address);
}

const Module* Space::find_module(Address address) const {
  // Modules may interleave (a library mapped into another's hole), so the nearest start is not
  // always the one.
  for (const Module& module : modules) {
    if (!module.range.contains(address)) continue;
    for (const Segment& segment : module.segments) {
      const Range pages{round_down(segment.range.start, page_size()),
                        round_up(segment.range.end, page_size())};
      if (pages.contains(address)) return &module;
    }
  }
  return nullptr;
}

const Stack* Space::find_stack(Address address) const { return find_covering(stacks, address); }

Result<Space> read_space(const PresentMemory& memory, const std::vector<Thread>& frozen) {
  Shelf shelf;
  return read_space(memory, frozen, shelf);
}

Result<Space> read_space(const PresentMemory& memory, const std::vector<Thread>& frozen,
                         Shelf& shelf) {
  const Target& target = memory.target();
  Space space;
  auto mappings = target.read_mappings();
  if (!mappings) return pass(mappings);
  space.mappings = std::move(*mappings);
  if (auto entries = target.read_auxiliary_vector()) space.auxiliary_vector = std::move(*entries);
  auto threads = target.read_threads();
  if (!threads) return pass(threads);
  space.threads = std::move(*threads);
  add_registers(space.threads, frozen);
  space.modules = read_modules(memory, space.mappings, shelf);
  space.stacks = find_stacks(memory, space.mappings, space.threads);

  if (auto told = tell_without_sections(space.modules)) space.notes.push_back(std::move(*told));
  std::set<pid_t> with_stack;
  for (const Stack& stack : space.stacks) with_stack.insert(stack.tid);
  std::size_t running = 0, lost = 0;
  for (const Thread& thread : space.threads) {
    if (with_stack.contains(thread.tid)) continue;
    ++(thread.stack_pointer ? lost : running);
  }
  if (running > 0) {
    space.notes.push_back(fmt::format(
        "the stacks of {} of {} threads were not found: they ran, and so show no stack pointer; "
        "--freeze stops them for it",
        running, space.threads.size()));
  }
  if (lost > 0) {
    space.notes.push_back(fmt::format(
        "the stacks of {} of {} threads were not found: their stack pointers are in memory that "
        "neither glibc nor a guard marks as a stack",
        lost, space.threads.size()));
  }
  return space;
}

}  // namespace strata
