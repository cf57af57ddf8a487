# Writing to a private mapping copies the file's pages, and how many is said.
. "$(dirname "$0")/../scenario.sh"
needs jq

program <<'END'
#include "specimen.h"

int main() {
  constexpr std::size_t kPages = 256, kWritten = 128;
  char path[] = "/var/tmp/specimen-XXXXXX";
  const int file = mkstemp(path);
  must(file >= 0 && unlink(path) == 0 && ftruncate(file, kPages * kPage) == 0);
  auto* from = static_cast<Byte*>(
      mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0));
  must(from != MAP_FAILED);
  write_pages(from, kWritten);
  state_range("copied", from, kPages * kPage);
  state("copied.anonymous", kWritten * kPage);
  ready();
}
END
specimen ./program
run strata explain --json "$target"
equals "$(json '.findings[] | select(.id == "file-copies") | .bytes')" "$(stated copied.anonymous)" copies

specimen shared-memory
run strata explain --json "$target"
json '[.findings[].id] | index("file-copies") == null'
