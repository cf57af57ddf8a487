// malloc/frame_rules.h - how a function's frame is left, as compilers tell it for every
// instruction: .eh_frame, which each program and library has for exceptions, of C too on x86-64.
//
//     pc ──▶ module ──▶ .eh_frame_hdr, sorted ──▶ FDE ──▶ instructions up to pc ──▶ rules
//
// Source  LSB Core 10.6 (.eh_frame, .eh_frame_hdr), DWARF 5 6.4 (call frame instructions), glibc
//         elf/dl-find_object.c.
// Errors  false for what is not there, or says what cannot be; nothing is read that is not mapped.
// Threads any number at once; no lock where glibc is 2.35 or later.
#pragma once

#include <cstdint>

#include "malloc/machine.h"
#include "malloc/probe.h"

namespace strata::alloc {

/// A loaded program or library.
struct LoadedModule {
  std::uintptr_t start, end;
  std::uintptr_t table;  ///< .eh_frame_hdr; 0 where it has none
};
bool find_module(std::uintptr_t pc, LoadedModule& module);

/// Where the value is that a register had in the caller.
struct FrameRule {
  enum Kind : std::uint8_t {
    kSame,
    kUnknown,
    kAt,            ///< in memory, at the frame's address and `value`
    kSum,           ///< it is the frame's address and `value`
    kRegister,      ///< in the register `value`
    kAtExpression,  ///< in memory, where the expression at `value` says
    kExpression     ///< it is what that expression says
  } kind = kSame;
  std::int64_t value = 0;
};

struct FrameRules {
  /// The frame's address: kSum of `base`, or kExpression.
  FrameRule frame{FrameRule::kUnknown, 0};
  unsigned base = 0;
  FrameRule of[machine::kRegisters];
  bool is_signal = false;  ///< the frame in which a signal interrupted another
};

/// What holds at `pc` in `module`.
bool find_rules(std::uintptr_t pc, const LoadedModule& module, Probe& probe, FrameRules& rules);

/// What a DWARF expression at `at` (its length, then its operations) gives, `first` on its stack.
bool evaluate(std::uintptr_t at, const std::uint64_t (&registers)[machine::kRegisters],
              std::uint64_t first, Probe& probe, std::uint64_t& result);

}  // namespace strata::alloc
