#include "malloc/unwind.h"

#include <atomic>

#include "malloc/chance.h"
#include "malloc/frame_rules.h"

namespace strata::alloc {
namespace {

constexpr std::size_t kKeptCount = sizeof machine::kKept / sizeof *machine::kKept;
// A frame that a frame pointer leads to is at most so far away.
constexpr std::uintptr_t kFarthest = std::uintptr_t{1} << 20;
constexpr std::uintptr_t kLowest = 4096;

/// The rules that nearly every frame has: its address is a register and an offset, the return
/// address lies below it, and kept registers lie at offsets from it or are as they were.
struct PlainFrame {
  std::uint8_t base;
  std::int32_t offset;
  std::int16_t kept[kKeptCount];  // in words; 0: as it was
};

/// Of addresses that were seen before. Each entry vouches for itself, so that none is locked: one
/// that two threads write at once holds for no address.
class FrameMemory {
 public:
  bool find(std::uint64_t key, PlainFrame& frame) const {
    const Entry& entry = entry_of(key);
    std::uint64_t words[kWords];
    for (unsigned i = 0; i < kWords; ++i) words[i] = entry.words[i].load(std::memory_order_relaxed);
    if (entry.check.load(std::memory_order_relaxed) != check_of(key, words)) return false;
    frame.base = static_cast<std::uint8_t>(words[0]);
    frame.offset = static_cast<std::int32_t>(words[0] >> 8);
    for (std::size_t i = 0; i < kKeptCount; ++i) {
      frame.kept[i] = static_cast<std::int16_t>(words[1 + i / 4] >> (i % 4 * 16));
    }
    return true;
  }
  void put(std::uint64_t key, const PlainFrame& frame) {
    std::uint64_t words[kWords] = {};
    words[0] = frame.base | std::uint64_t{static_cast<std::uint32_t>(frame.offset)} << 8;
    for (std::size_t i = 0; i < kKeptCount; ++i) {
      words[1 + i / 4] |= std::uint64_t{static_cast<std::uint16_t>(frame.kept[i])} << (i % 4 * 16);
    }
    Entry& entry = const_cast<Entry&>(entry_of(key));
    for (unsigned i = 0; i < kWords; ++i) {
      entry.words[i].store(words[i], std::memory_order_relaxed);
    }
    entry.check.store(check_of(key, words), std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned kWords = 3;
  static constexpr std::size_t kEntries = 1024;
  struct Entry {
    std::atomic<std::uint64_t> check, words[kWords];
  };

  const Entry& entry_of(std::uint64_t key) const { return entries_[mix(key) % kEntries]; }
  /// Never that of an entry that was not written.
  static std::uint64_t check_of(std::uint64_t key, const std::uint64_t (&words)[kWords]) {
    return mix(key ^ mix(words[0] ^ mix(words[1] ^ mix(words[2])))) | 1;
  }

  Entry entries_[kEntries] = {};
};

constinit FrameMemory frame_memory;

class Unwinder {
 public:
  explicit Unwinder(const std::uint64_t (&registers)[machine::kRegisters]) {
    for (unsigned i = 0; i < machine::kRegisters; ++i) now_[i] = registers[i];
  }

  std::uint64_t pc() const { return now_[machine::kReturn]; }

  /// To the caller's frame; false where that cannot be had, or there is none.
  bool step() {
    const std::uint64_t stack = now_[machine::kStack];
    const bool was_signal = is_signal_;
    is_signal_ = false;
    if (!leave(was_signal) || pc() < kLowest) return false;
    // A signal may have come on a stack of its own.
    return is_signal_ || now_[machine::kStack] > stack;
  }

 private:
  bool leave(bool was_signal) {
    if constexpr (!machine::kHasTables) return leave_by_pointer();
    // A call may be the last instruction of a function; what a signal interrupted is no call.
    const std::uint64_t at = was_signal ? pc() : pc() - 1;
    LoadedModule module{};
    if (!find_module(at, module)) return leave_by_pointer();
    const std::uint64_t key = at ^ mix(module.table ^ (module.end << 20));
    PlainFrame plain;
    if (frame_memory.find(key, plain)) return leave_plain(plain);
    FrameRules rules;
    if (!find_rules(at, module, probe_, rules)) return leave_by_pointer();
    if (is_plain(rules, plain)) {
      frame_memory.put(key, plain);
      return leave_plain(plain);
    }
    is_signal_ = rules.is_signal;
    return leave_by_rules(rules);
  }

  bool leave_by_pointer() {
    const std::uint64_t frame = now_[machine::kFrame], stack = now_[machine::kStack];
    if (frame % sizeof frame != 0 || frame < stack || frame - stack > kFarthest) return false;
    std::uint64_t above = 0, caller = 0;
    if (!probe_.read(frame, above) || !probe_.read(frame + 8, caller)) return false;
    now_[machine::kFrame] = above;
    now_[machine::kStack] = frame + 16;
    now_[machine::kReturn] = caller;
    return true;
  }

  static bool is_plain(const FrameRules& rules, PlainFrame& plain) {
    if (rules.is_signal || rules.frame.kind != FrameRule::kSum) return false;
    plain.base = static_cast<std::uint8_t>(rules.base);
    plain.offset = static_cast<std::int32_t>(rules.frame.value);
    if (plain.offset != rules.frame.value) return false;
    std::size_t kept = 0;
    for (unsigned i = 0; i < machine::kRegisters; ++i) {
      const FrameRule& rule = rules.of[i];
      if (i == machine::kReturn) {
        if (rule.kind != FrameRule::kAt || rule.value != -8) return false;
      } else if (kept < kKeptCount && machine::kKept[kept] == i) {
        const auto words = static_cast<std::int16_t>(rule.value / 8);
        const bool is_here = rule.kind == FrameRule::kAt && rule.value != 0;
        if (!is_here && rule.kind != FrameRule::kSame) return false;
        if (is_here && std::int64_t{words} * 8 != rule.value) return false;
        plain.kept[kept++] = is_here ? words : std::int16_t{0};
      } else if (rule.kind != FrameRule::kSame) {
        return false;
      }
    }
    return true;
  }

  bool leave_plain(const PlainFrame& plain) {
    if (plain.base >= machine::kRegisters) return false;
    const std::uint64_t frame =
        now_[plain.base] + static_cast<std::uint64_t>(std::int64_t{plain.offset});
    std::uint64_t caller = 0;
    if (!probe_.read(frame - 8, caller)) return false;
    for (std::size_t i = 0; i < kKeptCount; ++i) {
      if (plain.kept[i] == 0) continue;
      const std::uint64_t at = frame + static_cast<std::uint64_t>(std::int64_t{plain.kept[i]} * 8);
      if (!probe_.read(at, now_[machine::kKept[i]])) return false;
    }
    now_[machine::kStack] = frame;
    now_[machine::kReturn] = caller;
    return true;
  }

  bool leave_by_rules(const FrameRules& rules) {
    std::uint64_t frame = 0;
    if (rules.frame.kind == FrameRule::kSum) {
      frame = now_[rules.base] + static_cast<std::uint64_t>(rules.frame.value);
    } else if (!evaluate(static_cast<std::uintptr_t>(rules.frame.value), now_, 0, probe_, frame)) {
      return false;
    }
    std::uint64_t next[machine::kRegisters];
    for (unsigned i = 0; i < machine::kRegisters; ++i) {
      // Where nothing is said of the stack pointer it is what the frame's address is.
      const FrameRule& rule = rules.of[i];
      const bool is_frame = i == machine::kStack && rule.kind == FrameRule::kSame;
      if (is_frame) {
        next[i] = frame;
      } else if (!value_by(rule, frame, i, next[i])) {
        return false;
      }
    }
    for (unsigned i = 0; i < machine::kRegisters; ++i) now_[i] = next[i];
    return rules.of[machine::kReturn].kind != FrameRule::kSame;
  }

  bool value_by(const FrameRule& rule, std::uint64_t frame, unsigned number, std::uint64_t& value) {
    const auto operand = static_cast<std::uint64_t>(rule.value);
    std::uint64_t at = 0;
    switch (rule.kind) {
      case FrameRule::kSame:
        value = now_[number];
        return true;
      case FrameRule::kUnknown:
        value = 0;
        return number != machine::kReturn;  // who has none was called by nobody
      case FrameRule::kAt:
        return probe_.read(frame + operand, value);
      case FrameRule::kSum:
        value = frame + operand;
        return true;
      case FrameRule::kRegister:
        if (operand >= machine::kRegisters) return false;
        value = now_[operand];
        return true;
      case FrameRule::kAtExpression:
        return evaluate(operand, now_, frame, probe_, at) && probe_.read(at, value);
      case FrameRule::kExpression:
        return evaluate(operand, now_, frame, probe_, value);
    }
    return false;
  }

  std::uint64_t now_[machine::kRegisters];
  Probe probe_;
  bool is_signal_ = false;
};

}  // namespace

[[gnu::noinline]] std::size_t capture_stack(std::uint64_t* into, std::size_t most) {
  std::uint64_t registers[machine::kRegisters] = {};
  STRATA_HERE(registers);
  Unwinder unwinder(registers);
  std::size_t depth = 0;
  while (depth < most && unwinder.step()) into[depth++] = unwinder.pc();
  return depth;
}

}  // namespace strata::alloc
