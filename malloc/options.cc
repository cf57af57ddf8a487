#include "malloc/options.h"

#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <utility>

#include "malloc/include/strata/malloc.h"
#include "malloc/lock.h"
#include "malloc/report.h"
#include "malloc/space.h"

namespace strata::alloc {
namespace {

constexpr std::size_t kOptions = static_cast<std::size_t>(Option::kCount);

struct Values {
  template <std::size_t... kIndex>
  constexpr explicit Values(std::index_sequence<kIndex...>)
      : of{abi::kMallocOptions[kIndex].preset...} {}
  std::atomic<std::uint64_t> of[kOptions];
};
constinit Values values{std::make_index_sequence<kOptions>{}};
constinit std::atomic<bool> is_read{false};
constinit Lock lock;

struct Word {
  const char* start;
  std::size_t size;
  bool is(const char* text) const { return strlen(text) == size && memcmp(text, start, size) == 0; }
};

/// False where it is no number of that unit, or more than `most`.
bool parse(Word value, const abi::MallocOption& option, std::uint64_t& number) {
  std::size_t digits = 0;
  number = 0;
  while (digits < value.size && value.start[digits] >= '0' && value.start[digits] <= '9') {
    if (__builtin_mul_overflow(number, 10, &number) ||
        __builtin_add_overflow(number, value.start[digits] - '0', &number)) {
      return false;
    }
    ++digits;
  }
  if (digits == 0 || value.size > digits + 1) return false;
  if (value.size > digits) {
    constexpr char kUnits[] = "KMG";
    const char* const unit = static_cast<const char*>(memchr(kUnits, value.start[digits], 3));
    if (option.unit != abi::OptionUnit::kBytes || unit == nullptr) return false;
    const unsigned shift = 10 * (static_cast<unsigned>(unit - kUnits) + 1);
    if (number > option.most >> shift) return false;
    number <<= shift;
  }
  return number <= option.most;
}

Setting set(Word name, Word value, const abi::MallocOption*& option) {
  for (std::size_t i = 0; i < kOptions; ++i) {
    option = &abi::kMallocOptions[i];
    if (!name.is(option->name)) continue;
    std::uint64_t number = 0;
    if (!parse(value, *option, number)) return Setting::kWrongValue;
    if (option->until == abi::OptionUntil::kFirstBlock && space.has_begun()) {
      return Setting::kTooLate;
    }
    values.of[i].store(number, std::memory_order_relaxed);
    return Setting::kDone;
  }
  return Setting::kNoSuchKey;
}

const char* what_is_wrong(Setting setting, const abi::MallocOption& option) {
  if (setting == Setting::kNoSuchKey) return "has no such key; ignored";
  switch (option.unit) {
    case abi::OptionUnit::kFlag:
      return "must be 0 or 1; ignored";
    case abi::OptionUnit::kMilliseconds:
      return "must be milliseconds, an hour at most; ignored";
    case abi::OptionUnit::kBytes:
      break;
  }
  return "must be bytes, like 65536, 64K, 10M or 1G; ignored";
}

void read_entry(const char* where, Word entry) {
  const char* const colon = static_cast<const char*>(memchr(entry.start, ':', entry.size));
  if (colon == nullptr) {
    return warn(where, entry.start, entry.size, "is no key:value; ignored");
  }
  const Word name{entry.start, static_cast<std::size_t>(colon - entry.start)};
  const Word value{colon + 1, entry.size - name.size - 1};
  const abi::MallocOption* option = nullptr;
  const Setting setting = set(name, value, option);
  if (setting == Setting::kDone) return;
  warn(where, entry.start, entry.size, what_is_wrong(setting, *option));
}

void read_text(const char* where, const char* text) {
  while (text != nullptr && *text != 0) {
    const std::size_t size = strcspn(text, ",");
    if (size > 0) read_entry(where, {text, size});
    text += size;
    if (*text == ',') ++text;
  }
}

}  // namespace

const std::atomic<std::uint64_t>* option_at(Option which) {
  return &values.of[static_cast<std::size_t>(which)];
}
std::uint64_t option(Option which) { return option_at(which)->load(std::memory_order_relaxed); }

void read_options() {
  if (is_read.load(std::memory_order_acquire)) return;
  const Hold hold(lock);
  if (is_read.load(std::memory_order_relaxed)) return;
  // Weak: there is none where the program has none.
  if (&strata_malloc_options != nullptr) read_text("strata_malloc_options", strata_malloc_options);
  read_text("STRATA_MALLOC", secure_getenv("STRATA_MALLOC"));
  is_read.store(true, std::memory_order_release);
}

Setting set_option(const char* key, const char* value) {
  // Or the texts would be read later, and count for more.
  read_options();
  const abi::MallocOption* option = nullptr;
  return set({key, strlen(key)}, {value, strlen(value)}, option);
}

}  // namespace strata::alloc
