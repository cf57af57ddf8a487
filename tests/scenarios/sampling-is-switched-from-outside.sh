# A process that runs unsampled samples from the moment it is asked to from outside, and no more
# when it is asked to stop; what cannot be done is said with the way out.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/profile.sh"
needs jq

program <<'END'
#include <malloc.h>

#include "specimen.h"

static void* kept[3][20000];
template <int kPart>
__attribute__((noinline)) size_t fill() {
  size_t bytes = 0;
  for (void*& block : kept[kPart]) {
    block = malloc(1000 + kPart);
    bytes += malloc_usable_size(block);
  }
  return bytes;
}
extern "C" __attribute__((noinline)) size_t early() { return fill<0>() + 1; }
extern "C" __attribute__((noinline)) size_t middle() { return fill<1>() + 1; }
extern "C" __attribute__((noinline)) size_t late() { return fill<2>() + 1; }

int main() {
  state("early", early());
  ready();
  state("middle", middle());
  ready();
  state("late", late());
  ready();
}
END

sampled sample:0 program
run strata profile "$target"
exits_with 0
says 'it has not sampled yet'
says 'sampling is off'
run strata profile --start 8K "$target"
exits_with 0
says 'samples one byte in 8.0 KiB'
next_stage
run strata profile --json "$target"
equals "$(json .totals.mean_bytes)" 8192 'the mean'
equals "$(site early live_bytes)" 0 'what was allocated before'
# Blocks at hand are taken before the thread looks whether it is to sample.
is_about middle "$(stated middle)" 131072
run strata profile --stop "$target"
exits_with 0
says 'samples no more'
next_stage
run strata profile --json "$target"
equals "$(json .totals.mean_bytes)" 0 'the mean'
is_about middle "$(stated middle)" 131072
holds "$(site late live_bytes) < 1000000" 'what was allocated behind the end'
run strata profile --start 0 "$target"
exits_with 2
error_says 'cannot be sampled by'
run strata profile --start 1M --stop "$target"
exits_with 2
error_says 'mean the opposite'
run strata profile --start 1M --all "$target"
exits_with 2
error_says 'show no profile'
run strata profile --output /nowhere/file "$target"
exits_with 2
error_says 'open /nowhere/file'
end_specimen

specimen threads
for option in '' '--start 1M' --stop; do
  run strata profile $option "$target"
  exits_with 2
  error_says 'is not on the Strata malloc'
done
end_specimen
