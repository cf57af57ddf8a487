#include "malloc/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <atomic>

#include "malloc/lock.h"
#include "malloc/report.h"

namespace strata::alloc {
namespace {

struct Key {
  const char* name;
  bool Options::* flag;
};
constexpr Key kKeys[] = {{"background", &Options::background}};

constinit Options read;
constinit std::atomic<bool> is_read{false};
constinit Lock lock;

struct Word {
  const char* start;
  std::size_t size;
  bool is(const char* text) const { return strlen(text) == size && memcmp(text, start, size) == 0; }
};

void complain(Word about, const char* what) {
  warn("STRATA_MALLOC", about.start, about.size, what);
}

void set(Word entry) {
  const char* const colon = static_cast<const char*>(memchr(entry.start, ':', entry.size));
  if (colon == nullptr) return complain(entry, "is no key:value; ignored");
  const Word name{entry.start, static_cast<std::size_t>(colon - entry.start)};
  const Word value{colon + 1, entry.size - name.size - 1};
  for (const Key& key : kKeys) {
    if (!name.is(key.name)) continue;
    if (!value.is("0") && !value.is("1")) return complain(entry, "must be 0 or 1; ignored");
    read.*key.flag = value.is("1");
    return;
  }
  complain(entry, "has no such key; ignored");
}

void read_environment() {
  const char* text = secure_getenv("STRATA_MALLOC");
  if (text == nullptr) return;
  while (*text != 0) {
    const std::size_t size = strcspn(text, ",");
    if (size > 0) set({text, size});
    text += size;
    if (*text == ',') ++text;
  }
}

}  // namespace

const Options& options() {
  if (!is_read.load(std::memory_order_acquire)) {
    const Hold hold(lock);
    if (!is_read.load(std::memory_order_relaxed)) read_environment();
    is_read.store(true, std::memory_order_release);
  }
  return read;
}

}  // namespace strata::alloc
