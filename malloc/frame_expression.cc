// DWARF expressions as frames need them: .plt entries and the frames of signals have their address
// by one.
#include "malloc/frame_rules.h"
#include "malloc/probed_bytes.h"

namespace strata::alloc {
namespace {

constexpr unsigned kMostDepth = 16;

enum Operation : std::uint8_t {
  kAddress = 0x03,
  kDereference = 0x06,
  kConstants = 0x08,  // to 0x0f: of 1, 2, 4 and 8 bytes, unsigned and signed
  kUleb = 0x10,
  kSleb = 0x11,
  kDuplicate = 0x12,
  kDrop = 0x13,
  kOver = 0x14,
  kPick = 0x15,
  kSwap = 0x16,
  kAnd = 0x1a,
  kMinus = 0x1c,
  kMultiply = 0x1e,
  kNegate = 0x1f,
  kNot = 0x20,
  kOr = 0x21,
  kPlus = 0x22,
  kPlusUleb = 0x23,
  kLeft = 0x24,
  kRight = 0x25,
  kRightSigned = 0x26,
  kXor = 0x27,
  kEqual = 0x29,
  kAtLeast = 0x2a,
  kAbove = 0x2b,
  kAtMost = 0x2c,
  kBelow = 0x2d,
  kUnequal = 0x2e,
  kLiterals = 0x30,  // 0 to 31
  kRegisters = 0x70,
  kAnyRegister = 0x92,
  kDereferenceSome = 0x94,
  kNothing = 0x96
};

class Machine {
 public:
  Machine(ProbedBytes& bytes, const std::uint64_t (&registers)[machine::kRegisters], Probe& probe)
      : bytes_(bytes), registers_(registers), probe_(probe) {}

  void push(std::uint64_t value) {
    if (depth_ == kMostDepth) {
      fail();
    } else {
      stack_[depth_++] = value;
    }
  }
  std::uint64_t pop() {
    if (depth_ > 0) return stack_[--depth_];
    fail();
    return 0;
  }
  bool has_failed() const { return has_failed_ || bytes_.is_bad(); }

  void step() {
    const std::uint8_t operation = bytes_.u8();
    if (operation >= kLiterals && operation < kLiterals + 32) return push(operation - kLiterals);
    if (operation >= kRegisters && operation < kRegisters + 32) {
      return push_register(operation - kRegisters);
    }
    if (operation >= kConstants && operation < kUleb) {
      const unsigned bytes = 1u << ((operation - kConstants) / 2);
      return push(operation % 2 == 0 ? bytes_.number(bytes)
                                     : static_cast<std::uint64_t>(bytes_.signed_number(bytes)));
    }
    switch (operation) {
      case kAddress:
        return push(bytes_.number(8));
      case kUleb:
        return push(bytes_.uleb());
      case kSleb:
        return push(static_cast<std::uint64_t>(bytes_.sleb()));
      case kAnyRegister:
        return push_register(bytes_.uleb());
      case kDereference:
        return dereference(8);
      case kDereferenceSome:
        return dereference(bytes_.u8());
      case kDuplicate:
        return pick(0);
      case kOver:
        return pick(1);
      case kPick:
        return pick(bytes_.u8());
      case kDrop:
        pop();
        return;
      case kNegate:
        return push(0 - pop());
      case kNot:
        return push(~pop());
      case kPlusUleb:
        return push(pop() + bytes_.uleb());
      case kNothing:
        return;
      default:
        return combine(operation);
    }
  }

 private:
  void fail() { has_failed_ = true; }
  void pick(unsigned index) {
    if (index >= depth_) return fail();
    push(stack_[depth_ - 1 - index]);
  }
  void push_register(std::uint64_t number) {
    const auto offset = static_cast<std::uint64_t>(bytes_.sleb());
    if (number >= machine::kRegisters) return fail();
    push(registers_[number] + offset);
  }
  void dereference(unsigned bytes) {
    std::uint64_t value = 0;
    if (bytes == 0 || bytes > 8 || !probe_.read_bytes(pop(), bytes, value)) fail();
    push(value);
  }
  void combine(std::uint8_t operation) {
    const std::uint64_t b = pop(), a = pop();
    const auto signed_a = static_cast<std::int64_t>(a), signed_b = static_cast<std::int64_t>(b);
    const unsigned shift = b < 64 ? static_cast<unsigned>(b) : 63;
    switch (operation) {
      case kSwap:
        push(b);
        return push(a);
      case kAnd:
        return push(a & b);
      case kOr:
        return push(a | b);
      case kXor:
        return push(a ^ b);
      case kPlus:
        return push(a + b);
      case kMinus:
        return push(a - b);
      case kMultiply:
        return push(a * b);
      case kLeft:
        return push(b < 64 ? a << shift : 0);
      case kRight:
        return push(b < 64 ? a >> shift : 0);
      case kRightSigned:
        return push(static_cast<std::uint64_t>(signed_a >> shift));
      case kEqual:
        return push(a == b);
      case kUnequal:
        return push(a != b);
      case kAtLeast:
        return push(signed_a >= signed_b);
      case kAbove:
        return push(signed_a > signed_b);
      case kAtMost:
        return push(signed_a <= signed_b);
      case kBelow:
        return push(signed_a < signed_b);
      default:
        fail();  // a jump, or what no frame has
    }
  }

  ProbedBytes& bytes_;
  const std::uint64_t (&registers_)[machine::kRegisters];
  Probe& probe_;
  std::uint64_t stack_[kMostDepth];
  unsigned depth_ = 0;
  bool has_failed_ = false;
};

}  // namespace

bool evaluate(std::uintptr_t at, const std::uint64_t (&registers)[machine::kRegisters],
              std::uint64_t first, Probe& probe, std::uint64_t& result) {
  ProbedBytes head(probe, at, at + 10);
  const std::uint64_t length = head.uleb();
  if (head.is_bad() || length > os::kPage) return false;
  ProbedBytes bytes(probe, head.at(), head.at() + length);
  Machine machine(bytes, registers, probe);
  machine.push(first);
  // Jumps are not taken, so it ends.
  while (!bytes.is_over() && !machine.has_failed()) machine.step();
  result = machine.pop();
  return !machine.has_failed();
}

}  // namespace strata::alloc
