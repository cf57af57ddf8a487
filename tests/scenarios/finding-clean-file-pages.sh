# A mapped file that was only read looks like a leak; it is said to be cache, with its bytes.
. "$(dirname "$0")/../scenario.sh"
needs jq

program <<'END'
#include "specimen.h"

int main() {
  constexpr std::size_t kSize = 32 << 20;
  char path[] = "/var/tmp/specimen-XXXXXX";
  const int file = mkstemp(path);
  must(file >= 0 && unlink(path) == 0);
  static Byte block[1 << 20] = {1};
  for (std::size_t i = 0; i < kSize; i += sizeof block) {
    must(write(file, block, sizeof block) == sizeof block);
  }
  must(fsync(file) == 0);  // until then its pages are dirty
  auto* from = static_cast<Byte*>(mmap(nullptr, kSize, PROT_READ, MAP_PRIVATE, file, 0));
  must(from != MAP_FAILED);
  read_pages(from, kSize / kPage);
  state_range("clean", from, kSize);
  ready();
}
END
specimen ./program
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "clean-file-pages") | .bytes')" "$(stated clean.size)" 'clean'

specimen memfd
run strata explain --json "$target"
json '[.findings[].id] | index("clean-file-pages") == null'
