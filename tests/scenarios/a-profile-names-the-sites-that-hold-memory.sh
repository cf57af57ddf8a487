# Who allocated what lives stands in the profile by name, with as many bytes as it is within the
# error that is said; what was freed is no more in what lives, but in what was allocated. pprof says
# the same of the file.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/profile.sh"
needs jq

program <<'END'
#include <malloc.h>

#include <thread>
#include <vector>

#include "specimen.h"

namespace shop {
std::vector<void*> rows, names;
size_t row_bytes, name_bytes;

__attribute__((noinline)) void hold_rows(int count) {
  for (int i = 0; i < count; ++i) {
    rows.push_back(malloc(1000));
    row_bytes += malloc_usable_size(rows.back());
  }
}
__attribute__((noinline)) void hold_names(int count) {
  for (int i = 0; i < count; ++i) {
    names.push_back(new char[200]);
    name_bytes += malloc_usable_size(names.back());
  }
}
__attribute__((noinline)) void* hold_picture() { return calloc(1, 9 << 20); }
__attribute__((noinline)) void pass_through(int count) {
  for (int i = 0; i < count; ++i) {
    void* volatile block = malloc(500);
    free(block);
  }
}
}  // namespace shop

int main() {
  shop::rows.reserve(50000);
  shop::names.reserve(200000);
  shop::hold_rows(40000);
  // Names are another thread's, and freed in part by this one.
  std::thread([] { shop::hold_names(150000); }).join();
  for (int i = 0; i < 50000; ++i) {
    shop::name_bytes -= malloc_usable_size(shop::names.back());
    delete[] static_cast<char*>(shop::names.back());
    shop::names.pop_back();
  }
  shop::pass_through(100000);
  void* const picture = shop::hold_picture();
  state("rows", shop::row_bytes);
  state("names", shop::name_bytes);
  state("picture", malloc_usable_size(picture));
  ready();
  free(picture);
  for (void* row : shop::rows) free(row);
  ready();
}
END

sampled sample:16K program
run strata profile --json --output heap.pb.gz "$target"
exits_with 0
is_about shop::hold_rows "$(stated rows)"
is_about shop::hold_names "$(stated names)"
equals "$(site shop::hold_picture live_blocks)" 1 'blocks of 9 MiB'
equals "$(site shop::hold_picture live_bytes)" "$(stated picture)" 'a block far above the mean is exact'
equals "$(site shop::pass_through live_bytes)" 0 'what lives of what was freed'
holds "$(site shop::pass_through allocated_bytes) > 40000000" 'what passed through, of 51 MB'
holds "$(site shop::pass_through allocated_bytes) < 62000000" 'what passed through, of 51 MB'
# What the malloc is made of is no site.
equals "$(json '[.sites[].site[0] | select(test("^(malloc|calloc|operator new|strata)"))] | length')" 0 'sites'
run strata profile "$target"
exits_with 0
says 'shop::hold_rows < main'
says 'one byte in 16.0 KiB is sampled'

if command -v go >/dev/null && go tool pprof -h >pprof.said 2>&1 || [[ -s pprof.said ]]; then
  strata profile --json "$target" >profile.json
  HOME=$PWD run go tool pprof -sample_index=inuse_space -unit=B -top heap.pb.gz
  exits_with 0
  said=$(awk '$NF == "shop::hold_rows" {print $1}' stdout | sed 's/B$//')
  cp profile.json stdout
  equals "$said" "$(site shop::hold_rows live_bytes)" 'hold_rows, by pprof'
fi

next_stage
run strata profile --json "$target"
equals "$(site shop::hold_rows live_bytes)" 0 'what lives of rows that were freed'
is_about shop::hold_names "$(stated names)"
end_specimen
