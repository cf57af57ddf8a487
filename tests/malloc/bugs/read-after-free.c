// read-after-free - a pointer in a block that was freed is followed: what is freed is erased where
// harden is on, so it is null.
// Under  harden:0  unseen
// Under  harden:1  SIGSEGV
#include "bug.h"

struct Node {
  struct Node* next;
  int number;
};

int main(void) {
  struct Node* const last = malloc(sizeof *last);
  struct Node* volatile first = malloc(sizeof *first);
  first->next = last;
  last->number = 1;
  free(first);
  if (opaque(first->next) == NULL || first->next->number == 1) {
    first = opaque(first->next);
    if (((volatile struct Node*)first)->number == 1) unseen();
  }
  unseen();
}
