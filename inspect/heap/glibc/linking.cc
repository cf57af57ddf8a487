#include "inspect/heap/glibc/linking.h"

namespace strata::glibc {

Linking deduce_linking(Peek& peek, const std::vector<Address>& entries) {
  std::size_t plain = 0, shifted = 0;
  for (const Address entry : entries) {
    const auto stored = peek.word(entry);
    if (!stored) continue;
    const auto leads_somewhere = [&](Linking linking) {
      const Address next = follow(linking, entry, *stored);
      return next.value == 0 || (next.value % 16 == 0 && peek.word(next).has_value());
    };
    plain += leads_somewhere(Linking::kPlain);
    shifted += leads_somewhere(Linking::kShifted);
  }
  return plain > shifted ? Linking::kPlain : Linking::kShifted;
}

}  // namespace strata::glibc
