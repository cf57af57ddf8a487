// deleted-library - a loaded library whose file is gone, as after an upgrade.
#include "guest/load.h"

int main(void) {
  char directory[] = "/tmp/specimen-XXXXXX";
  char path[PATH_MAX];
  must(mkdtemp(directory) != NULL);
  snprintf(path, sizeof path, "%s/guest.so", directory);
  copy_guest(open_guest(), path);
  load_guest(path);
  must(unlink(path) == 0 && rmdir(directory) == 0);
  ready();
}
