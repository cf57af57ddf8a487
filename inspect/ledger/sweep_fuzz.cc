// Claims and runs of any kind: every mapped byte is booked once, for the claim that the rule names.
#include "inspect/ledger/sweep_model.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  strata::test::hold_against_model({bytes, size});
  return 0;
}
