// shared-memory - the four ways to it: MAP_SHARED without a file, shm_open, shmget, a file on
// tmpfs.
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/vfs.h>

#include "specimen.h"

enum { kPages = 32, kWritten = 20, kTmpfs = 0x01021994 };

static void write_and_state(const char* name, Byte* from) {
  must(from != MAP_FAILED);
  write_pages(from, kWritten);
  state_range(name, from, kPages * kPage);
  say("%s.file=%d\n%s.anonymous=0\n", name, kWritten * kPage, name);
}

static Byte* map_file(int file) {
  must(file >= 0 && ftruncate(file, kPages * kPage) == 0);
  return mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
}

int main(void) {
  write_and_state("anonymous", mmap(NULL, kPages * kPage, PROT_READ | PROT_WRITE,
                                    MAP_SHARED | MAP_ANONYMOUS, -1, 0));

  char name[64];
  snprintf(name, sizeof name, "/specimen-%d", getpid());
  const int posix = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
  must(posix >= 0 && shm_unlink(name) == 0);
  write_and_state("posix", map_file(posix));

  const int segment = shmget(IPC_PRIVATE, kPages * kPage, IPC_CREAT | 0600);
  must(segment >= 0);
  Byte* const attached = shmat(segment, NULL, 0);
  must(shmctl(segment, IPC_RMID, NULL) == 0);  // it goes with the last process
  write_and_state("sysv", attached);
  state("sysv.id", segment);

  struct statfs filesystem;
  const int file = open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (file >= 0 && fstatfs(file, &filesystem) == 0 && filesystem.f_type == kTmpfs) {
    write_and_state("tmpfs", map_file(file));
  }
  ready();
}
