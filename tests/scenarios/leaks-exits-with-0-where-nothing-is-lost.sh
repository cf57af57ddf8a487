# A program that keeps all it has, though some only by pointers into the middle, has no leak.
. "$(dirname "$0")/../scenario.sh"
. "$ROOT/tests/leaks.sh"

program <<'END_OF_PROGRAM'
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>

#include "specimen.h"

struct Link { Link* next; };
struct Node { char before[40]; Link link; char after[20]; };
struct Headed { std::size_t length; char text[40]; };

char* volatile texts[100];
Link* volatile list;
volatile std::uintptr_t tagged[50];
char* volatile aligned;
std::map<int, std::string>* volatile names;

__attribute__((noinline)) void keep_all() {
  for (auto& text : texts) text = static_cast<Headed*>(std::malloc(sizeof(Headed)))->text;
  Link* last = nullptr;
  for (int i = 0; i < 300; ++i) {
    Node* const node = static_cast<Node*>(std::calloc(1, sizeof(Node)));
    node->link.next = last;
    last = &node->link;
  }
  list = last;
  for (auto& tag : tagged) tag = reinterpret_cast<std::uintptr_t>(std::malloc(64)) | 5;
  aligned = static_cast<char*>(std::aligned_alloc(1 << 20, 3 << 20)) + 12345;
  names = new std::map<int, std::string>;
  for (int i = 0; i < 100; ++i) (*names)[i] = std::string(40, 'n');
}

int main() {
  keep_all();
  ready();
}
END_OF_PROGRAM
specimen ./program
leaks_of
exits_with 0
equals "$(json '.leaks | length')" 0 leaks
# 100 texts, 300 nodes, 50 tagged ones, and an aligned one in a mapping of its own.
json '.totals.interior_only_chunks == 451' >/dev/null
run strata leaks "$target"
exits_with 0
says 'nothing leaked'
end_specimen

for name in glibc-heap heap-aligned heap-arenas heap-bins heap-caches heap-corrupt heap-hoard \
  heap-many-arenas heap-retained heap-thresholds heap-trim; do
  specimen "$name"
  leaks_of
  ((exit_code == 0)) || fail "$name: $(json '[.leaks[] | {address, bytes}]')"
  end_specimen
done
