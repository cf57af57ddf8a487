// mount-namespace - a library loaded from a file that only this process's mounts have.
#include <sys/mount.h>

#include "guest/load.h"

int main(void) {
  // Over a directory that every system has; nobody outside sees the mount.
  static const char kOver[] = "/mnt";
  const int guest = open_guest();
  if (unshare(CLONE_NEWNS) != 0) skip("mounts of one's own need root");
  if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
    skip("mounts cannot be made private here: / is no mount (a chroot)");
  }
  if (mount("specimen", kOver, "tmpfs", 0, "size=1m") != 0) skip("a tmpfs cannot be mounted here");
  copy_guest(guest, "/mnt/guest.so");
  load_guest("/mnt/guest.so");
  ready();
}
