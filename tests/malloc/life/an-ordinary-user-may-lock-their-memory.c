// an-ordinary-user-may-lock-their-memory - mlockall(MCL_CURRENT) counts what is mapped, also where
// nothing may be touched, against RLIMIT_MEMLOCK.
#include "churn.h"

int main(void) {
  little_to_lock();
  if (geteuid() == 0) expect(setresuid(65534, 65534, 65534) == 0);
  churn(1, 100);
  expect(mlockall(MCL_CURRENT) == 0);
  churn(2, 1000);
}
