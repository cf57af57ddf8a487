// A core may say anything: whatever it says, it opens or gives an error, and then every question
// about it has an answer that is in order.
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "inspect/target/core.h"

namespace {

using namespace strata;

void require(bool condition) {
  if (!condition) abort();
}

void use(const Target& target) {
  const auto mappings = target.read_mappings();
  const auto threads = target.read_threads();
  require(mappings && threads && target.read_auxiliary_vector());
  const auto extents = core_extents(target);
  require(extents.size() == mappings->size());
  Address last;
  std::byte buffer[256];
  for (std::size_t i = 0; i < mappings->size(); ++i) {
    const Mapping& mapping = (*mappings)[i];
    require(mapping.range.start >= last && !mapping.range.empty());
    last = mapping.range.end;
    require(extents[i].range == mapping.range && extents[i].in_file <= mapping.range.size());
    // Enough of them to reach each path of reading; all of them would only be slow.
    if (i >= 64) continue;
    const auto start = target.read_memory(mapping.range.start, buffer);
    require(start && start->value <= sizeof buffer);
    const auto end = target.read_memory(mapping.range.end - Bytes{8}, buffer);
    require(end && end->value <= sizeof buffer);
    (void)target.open_mapped_file(mapping);
  }
  pid_t tid = 0;
  for (const Thread& thread : *threads) {
    require(thread.tid > tid);
    tid = thread.tid;
  }
  for (const std::string& sentence : target.absences()) require(!sentence.empty());
  require(target.absences().size() < 32);
  (void)core_signal(target);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
  static const int fd = memfd_create("core", MFD_CLOEXEC);
  static const std::string path = "/proc/self/fd/" + std::to_string(fd);
  require(ftruncate(fd, 0) == 0);
  require(pwrite(fd, bytes, size, 0) == static_cast<ssize_t>(size));
  const bool looks = looks_like_core(path);
  auto core = open_core(path);
  if (core) {
    require(looks);
    use(**core);
  } else {
    require(!core.error().message.empty() && !core.error().context.empty());
  }
  return 0;
}
