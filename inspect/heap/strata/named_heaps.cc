#include "inspect/heap/strata/named_heaps.h"

#include <algorithm>
#include <array>
#include <optional>

namespace strata::strata_malloc {
namespace {

constexpr std::uint32_t kMostOffset = 1 << 20;
constexpr std::uint32_t kMostNameBytes = 256;
constexpr std::size_t kMostRecords = 65536;

class Record {
 public:
  Record(Peek& peek, Address at, Range metadata) : peek_(peek), at_(at), metadata_(metadata) {}

  template <class T>
  std::optional<T> value(std::uint32_t offset) const {
    if (!holds(offset, sizeof(T)) || offset % sizeof(T) != 0) return std::nullopt;
    return peek_.value<T>(at_ + Bytes{offset});
  }
  std::optional<std::string> text(std::uint32_t offset, std::uint32_t bytes) const {
    std::array<char, kMostNameBytes> name{};
    if (!holds(offset, bytes) ||
        !peek_.read(at_ + Bytes{offset}, std::as_writable_bytes(std::span(name).first(bytes)))) {
      return std::nullopt;
    }
    const auto end = std::find(name.begin(), name.begin() + bytes, '\0');
    return std::string(name.begin(), end);
  }

 private:
  bool holds(std::uint32_t offset, std::size_t bytes) const {
    return metadata_.contains(range_of(at_ + Bytes{offset}, Bytes{bytes}));
  }

  Peek& peek_;
  Address at_;
  Range metadata_;
};

}  // namespace

bool heaps_hold(const abi::MallocLayout& l) {
  if (l.heaps == 0) return true;
  for (const std::uint32_t offset : {l.heap_next, l.heap_arena, l.heap_name, l.heap_number,
                                     l.heap_limit, l.heap_peak, l.heap_refused}) {
    if (offset > kMostOffset) return false;
  }
  return l.heap_name_bytes > 0 && l.heap_name_bytes <= kMostNameBytes && l.entry_owner % 2 == 0 &&
         l.entry_owner <= l.entry_size && l.entry_size - l.entry_owner >= 2;
}

NamedHeaps read_named_heaps(Peek& peek, const abi::MallocLayout& l, Range metadata) {
  NamedHeaps found;
  if (l.heaps == 0) return found;
  std::set<Address> seen;
  for (Address next{peek.word(Address{l.heaps}).value_or(0)}; next.value != 0;) {
    if (!metadata.contains(next) || next.value % 8 != 0 || seen.size() >= kMostRecords ||
        !seen.insert(next).second) {
      found.is_whole = false;
      break;
    }
    const Record record(peek, next, metadata);
    const auto after = record.value<std::uint64_t>(l.heap_next);
    const auto number = record.value<std::uint16_t>(l.heap_number);
    const auto limit = record.value<std::uint64_t>(l.heap_limit);
    const auto peak = record.value<std::uint64_t>(l.heap_peak);
    const auto refused = record.value<std::uint64_t>(l.heap_refused);
    const auto name = record.text(l.heap_name, l.heap_name_bytes);
    if (!after || !number || !limit || !peak || !refused || !name) {
      found.is_whole = false;
      break;
    }
    const Address arena = next + Bytes{l.heap_arena};
    found.arenas.insert(arena);
    if (!name->empty()) {
      found.heaps.push_back({next, arena, *number, *name, *limit, Bytes{*peak}, *refused});
    }
    next = Address{*after};
  }
  std::reverse(found.heaps.begin(), found.heaps.end());
  return found;
}

}  // namespace strata::strata_malloc
