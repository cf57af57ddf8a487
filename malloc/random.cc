#include "malloc/random.h"

#include "malloc/os.h"

namespace strata::alloc {
namespace {

thread_local constinit std::uint64_t state = 0;

}  // namespace

std::size_t random_below(std::size_t end) {
  if (state == 0) state = os::random() | 1;
  state ^= state >> 12;
  state ^= state << 25;
  state ^= state >> 27;
  const std::uint64_t number = state * 0x2545f4914f6cdd1d;
  return static_cast<std::size_t>((static_cast<unsigned __int128>(number) * end) >> 64);
}

}  // namespace strata::alloc
